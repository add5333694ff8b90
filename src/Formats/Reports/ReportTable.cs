namespace EoOnnx.Formats;

/// <summary>A column of a table.</summary>
/// <param name="Heading">What stands above it.</param>
/// <param name="IsNumber">Its cells are numbers and stand to the right.</param>
public sealed record ReportColumn(string Heading, bool IsNumber = false);

/// <summary>A cell of a table.</summary>
/// <param name="Text">What it says.</param>
/// <param name="Color">A square of this colour, <c>#rrggbb</c>, before the text; null for none.</param>
public sealed record ReportCell(string Text, string? Color = null)
{
    /// <summary>A square of this colour before the text.</summary>
    public string? Color { get; init; } = Color is null ? null : ReportColors.Checked(Color);

    /// <summary>A cell of text alone.</summary>
    public static implicit operator ReportCell(string text) => new(text);
}

/// <summary>A table of a <see cref="ReportPage"/>.</summary>
/// <param name="columns">Its columns from left to right.</param>
public sealed class ReportTable(params IReadOnlyList<ReportColumn> columns)
{
    private readonly List<IReadOnlyList<ReportCell>> _rows = [];

    /// <summary>Number of rows below the headings.</summary>
    public int RowCount => _rows.Count;

    /// <summary>Adds a row.</summary>
    /// <param name="cells">One a column.</param>
    /// <exception cref="ArgumentException">The number of cells is not that of the columns.</exception>
    public ReportTable Add(params IReadOnlyList<ReportCell> cells)
    {
        if (cells.Count != columns.Count)
        {
            throw new ArgumentException($"A row of {cells.Count} cells was added to a table of {columns.Count} columns.", nameof(cells));
        }

        _rows.Add(cells);
        return this;
    }

    internal Markup ToMarkup() => HtmlFormat.Of($"<table><thead><tr>{Markup.Join(columns.Select(Heading))}</tr></thead><tbody>{Markup.Join(_rows.Select(Row))}</tbody></table>");

    private static Markup Heading(ReportColumn column) => HtmlFormat.Of($"<th class=\"{Kind(column)}\">{column.Heading}</th>");

    private Markup Row(IReadOnlyList<ReportCell> cells) => HtmlFormat.Of($"<tr>{Markup.Join(cells.Zip(columns, Cell))}</tr>\n");

    private static Markup Cell(ReportCell cell, ReportColumn column)
    {
        var swatch = cell.Color is { } color ? HtmlFormat.Of($"<span class=\"swatch\" style=\"background:{color}\"></span>") : default;
        return HtmlFormat.Of($"<td class=\"{Kind(column)}\">{new Markup(swatch.Text ?? "")}{cell.Text}</td>");
    }

    private static string Kind(ReportColumn column) => column.IsNumber ? "number" : "text";
}
