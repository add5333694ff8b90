namespace EoOnnx.Formats;

/// <summary>A chart of a <see cref="ReportPage"/>: <see cref="BarChart"/> or <see cref="LineChart"/>.</summary>
public interface IReportChart
{
    /// <summary>What it shows.</summary>
    string Title { get; }

    /// <summary>The chart as an <c>svg</c> element; all texts in it are escaped.</summary>
    string ToSvg();
}
