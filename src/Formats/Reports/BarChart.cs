namespace EoOnnx.Formats;

/// <summary>A bar of a chart.</summary>
/// <param name="Label">What it stands for.</param>
/// <param name="Value">Its length; at least 0.</param>
/// <param name="Text">The value as it is written beside the bar, with its unit.</param>
/// <param name="Color">Its colour, <c>#rrggbb</c>; null lets the chart choose.</param>
public sealed record ReportBar(string Label, double Value, string Text, string? Color = null)
{
    /// <summary>Its length.</summary>
    public double Value { get; init; } = Value >= 0 && double.IsFinite(Value) ? Value
        : throw new ArgumentOutOfRangeException(nameof(Value), Value, "The length of a bar must be a finite number of at least 0.");

    /// <summary>Its colour.</summary>
    public string? Color { get; init; } = Color is null ? null : ReportColors.Checked(Color);
}

/// <summary>Bars below each other, from left to right; the longest takes the whole width.</summary>
/// <param name="title">What it shows.</param>
/// <param name="bars">The bars from top to bottom.</param>
public sealed class BarChart(string title, IReadOnlyList<ReportBar> bars) : IReportChart
{
    private const int Width = 900, RowHeight = 26, LabelWidth = 240, TextWidth = 150, MostLetters = 34;

    /// <inheritdoc/>
    public string Title => title;

    /// <inheritdoc/>
    public string ToSvg()
    {
        var longest = bars.Count == 0 ? 0 : bars.Max(bar => bar.Value);
        return HtmlFormat.Of($"<svg role=\"img\" aria-label=\"{title}\" width=\"{Width}\" height=\"{Math.Max(1, bars.Count) * RowHeight}\" viewBox=\"0 0 {Width} {Math.Max(1, bars.Count) * RowHeight}\">{Markup.Join(bars.Select((bar, i) => Draw(bar, i, longest)))}</svg>").Text;
    }

    private static Markup Draw(ReportBar bar, int index, double longest)
    {
        var length = longest > 0 ? bar.Value / longest * (Width - LabelWidth - TextWidth) : 0;
        var (top, middle) = (index * RowHeight, (index * RowHeight) + (RowHeight / 2));
        return HtmlFormat.Of($"""
            <g><title>{bar.Label}: {bar.Text}</title><text x="{LabelWidth - 10}" y="{middle}" text-anchor="end" dominant-baseline="central">{Shortened(bar.Label)}</text>
            <rect x="{LabelWidth}" y="{top + 4}" width="{length:F2}" height="{RowHeight - 8}" fill="{bar.Color ?? ReportColors.Of(0)}"/>
            <text x="{LabelWidth + length + 8:F2}" y="{middle}" dominant-baseline="central">{bar.Text}</text></g>

            """);
    }

    private static string Shortened(string label)
    {
        var letters = new System.Globalization.StringInfo(label);
        return letters.LengthInTextElements <= MostLetters ? label : letters.SubstringByTextElements(0, MostLetters - 1) + "…";
    }
}
