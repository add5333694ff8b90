using System.Globalization;

namespace EoOnnx.Formats;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What it stands for.</param>
/// <param name="Points">Its points by rising x; those that are not finite leave a gap.</param>
/// <param name="Color">Its colour, <c>#rrggbb</c>; null lets the chart choose.</param>
public sealed record ReportLine(string Name, IReadOnlyList<(double X, double Y)> Points, string? Color = null)
{
    /// <summary>Its colour.</summary>
    public string? Color { get; init; } = Color is null ? null : ReportColors.Checked(Color);
}

/// <summary>Lines over a common axis, such as losses over steps.</summary>
/// <param name="title">What it shows.</param>
/// <param name="xName">What the horizontal axis counts.</param>
/// <param name="yName">What the vertical axis measures.</param>
/// <param name="lines">The lines.</param>
public sealed class LineChart(string title, string xName, string yName, IReadOnlyList<ReportLine> lines) : IReportChart
{
    private const int Width = 900, Height = 320, Left = 80, Right = 20, Top = 30, Bottom = 50, Ticks = 5;

    /// <inheritdoc/>
    public string Title => title;

    /// <inheritdoc/>
    public string ToSvg()
    {
        var points = lines.SelectMany(line => line.Points).Where(IsFinite).ToList();
        var (x, y) = (Axis.Over(points.Select(point => point.X)), Axis.Over(points.Select(point => point.Y)));
        return HtmlFormat.Of($"""
            <svg role="img" aria-label="{title}" width="{Width}" height="{Height}" viewBox="0 0 {Width} {Height}">
            {Markup.Join(y.Marks.Select(mark => HorizontalMark(y, mark)))}{Markup.Join(x.Marks.Select(mark => VerticalMark(x, mark)))}{Markup.Join(lines.Select((line, i) => Draw(line, i, x, y)))}
            <text x="{(Width + Left) / 2}" y="{Height - 8}" text-anchor="middle">{xName}</text><text x="{Left}" y="14">{yName}</text></svg>
            """).Text;
    }

    private static bool IsFinite((double X, double Y) point) => double.IsFinite(point.X) && double.IsFinite(point.Y);

    private static double AtX(Axis axis, double value) => Left + (axis.Share(value) * (Width - Left - Right));

    private static double AtY(Axis axis, double value) => Height - Bottom - (axis.Share(value) * (Height - Top - Bottom));

    private static Markup HorizontalMark(Axis axis, double mark) => HtmlFormat.Of(
        $"<path class=\"axis\" d=\"M{Left} {AtY(axis, mark):F1}H{Width - Right}\"/><text x=\"{Left - 8}\" y=\"{AtY(axis, mark):F1}\" text-anchor=\"end\" dominant-baseline=\"central\">{Written(mark)}</text>");

    private static Markup VerticalMark(Axis axis, double mark) => HtmlFormat.Of(
        $"<path class=\"axis\" d=\"M{AtX(axis, mark):F1} {Height - Bottom}v5\"/><text x=\"{AtX(axis, mark):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{Written(mark)}</text>");

    private static string Written(double mark) => mark.ToString("G6", CultureInfo.InvariantCulture);

    private Markup Draw(ReportLine line, int index, Axis x, Axis y)
    {
        var path = new System.Text.StringBuilder();
        var pen = 'M';
        foreach (var point in line.Points)
        {
            if (IsFinite(point))
            {
                path.Append(CultureInfo.InvariantCulture, $"{pen}{AtX(x, point.X):F1} {AtY(y, point.Y):F1}");
            }

            pen = IsFinite(point) ? 'L' : 'M';
        }

        var (color, legend) = (line.Color ?? ReportColors.Of(index), Width - Right - ((lines.Count - index) * 150));
        return HtmlFormat.Of($"<path class=\"line\" stroke=\"{color}\" d=\"{path}\"/><rect x=\"{legend}\" y=\"4\" width=\"12\" height=\"12\" fill=\"{color}\"/><text x=\"{legend + 18}\" y=\"14\">{line.Name}</text>\n");
    }

    /// <summary>From which number to which an axis goes, and where its marks stand: at 1, 2 or 5 times a power of ten.</summary>
    private readonly record struct Axis(double Low, double High, double Step)
    {
        public IEnumerable<double> Marks
        {
            get
            {
                for (var i = Math.Ceiling((Low / Step) - 1e-9); i * Step <= High + (Step * 1e-9); i++)
                {
                    yield return i == 0 ? 0 : i * Step;
                }
            }
        }

        public static Axis Over(IEnumerable<double> values)
        {
            var (low, high) = (double.PositiveInfinity, double.NegativeInfinity);
            foreach (var value in values)
            {
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }

            if (low > high)
            {
                (low, high) = (0, 1);
            }
            else if (low == high)
            {
                var around = low == 0 ? 1 : Math.Abs(low) / 2;
                (low, high) = (low - around, high + around);
            }

            var rough = (high - low) / Ticks;
            var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
            var step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
            return new Axis(low, high, step);
        }

        public double Share(double value) => (value - Low) / (High - Low);
    }
}
