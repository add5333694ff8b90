using System.Globalization;
using nietras.SeparatedValues;

namespace EoOnnx.Runtime;

/// <summary>
/// A list of scenes as a CSV file: a line each, with a header. The column <c>sources</c> names files, folders, products or items, several
/// with <c>;</c> between them; <c>modality:NAME</c> the source of one modality. <c>name</c>, <c>dates</c> (with <c>;</c>), <c>grid</c> and
/// <c>resolution</c> may be there. An empty cell says nothing.
/// </summary>
internal static class SceneTable
{
    private const string Name = "name", Sources = "sources", Dates = "dates", Grid = "grid", Resolution = "resolution", Modality = "modality:";
    private static readonly string[] Known = [Name, Sources, Dates, Grid, Resolution];

    /// <summary>Reads the scenes; sources are relative to the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="common">What holds for every scene.</param>
    /// <exception cref="BatchException">A column is not known, or a cell cannot be read; the message names line and column.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<SceneEntry> Read(string path, SceneRequest common)
    {
        using var reader = Sep.New(',').Reader(options => options with { Unescape = true, Trim = SepTrim.Outer }).FromFile(path);
        var columns = reader.Header.ColNames;
        if (columns.FirstOrDefault(column => !Known.Contains(column) && !column.StartsWith(Modality, StringComparison.Ordinal)) is { } unknown)
        {
            throw new BatchException($"{path} has a column '{unknown}'; expected {string.Join(", ", Known)} and {Modality}NAME.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var scenes = new List<SceneEntry>();
        foreach (var row in reader)
        {
            var cells = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var column in columns)
            {
                cells[column] = row[column].ToString();
            }

            try
            {
                scenes.Add(Scene(cells, folder, common));
            }
            catch (Exception failure) when (failure is ArgumentException or FormatException)
            {
                throw new BatchException($"{path}, line {row.LineNumberFrom}: {failure.Message}", failure);
            }
        }

        return scenes;
    }

    private static SceneEntry Scene(Dictionary<string, string> cells, string folder, SceneRequest common)
    {
        var sources = List(Cell(Sources)).Select(Located).ToList();
        var modalities = cells.Where(cell => cell.Key.StartsWith(Modality, StringComparison.Ordinal) && cell.Value.Length > 0).ToDictionary(cell => cell.Key[Modality.Length..], cell => Located(cell.Value));
        if ((sources.Count == 0) == (modalities.Count == 0))
        {
            throw new FormatException($"a scene has either {Sources} or the source of each modality ({Modality}NAME); found {(sources.Count == 0 ? "neither" : "both")}.");
        }

        var request = common with
        {
            Sources = sources,
            Modalities = modalities,
            Dates = [.. List(Cell(Dates)).Select(text => SceneDates.TryParse(text, out var date) ? date : throw new FormatException($"'{text}' is no date; expected one such as 2024-05-01."))],
            Grid = Cell(Grid) is { Length: > 0 } grid ? grid : common.Grid,
            Resolution = Cell(Resolution) is { Length: > 0 } edge ? double.Parse(edge, NumberStyles.Float, CultureInfo.InvariantCulture) : common.Resolution,
        };
        var first = sources.Concat(modalities.Values).First();
        var name = Cell(Name) is { Length: > 0 } given ? given : List(Cell(Sources)).Concat(modalities.Values).First().Split('?')[0].TrimEnd('/').Replace('\\', '/');
        return new SceneEntry(name.Contains("://", StringComparison.Ordinal) ? name.Split('/')[^1] : name, first) { Request = request };

        string Cell(string column) => cells.GetValueOrDefault(column, "");

        string Located(string source) => SceneList.IsPlace(source) ? source : Path.GetFullPath(source, folder);
    }

    private static string[] List(string cell) => cell.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
