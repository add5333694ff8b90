using System.Globalization;
using EoOnnx.Raster;
using nietras.SeparatedValues;

namespace EoOnnx.Runtime;

/// <summary>
/// A list of scenes as a CSV file: a line each, with a header. The column <c>sources</c> names files, folders, products or items, several
/// with <c>;</c> between them; <c>modality:NAME</c> the source of one modality. <c>name</c>, <c>dates</c> (with <c>;</c>), <c>grid</c>,
/// <c>resolution</c>, <c>bands</c>, <c>scale</c>, <c>offset</c> and <c>mask</c> (with <c>;</c>), <c>nodata</c> and <c>aoi</c> may be there. An empty cell says nothing.
/// </summary>
internal static class SceneTable
{
    private const string Name = "name", Sources = "sources", Dates = "dates", Grid = "grid", Resolution = "resolution", Bands = "bands", Scale = "scale", Offset = "offset", Mask = "mask", NoData = "nodata", Area = "aoi", Modality = "modality:";
    private static readonly string[] Known = [Name, Sources, Dates, Grid, Resolution, Bands, Scale, Offset, Mask, NoData, Area];

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
            catch (CellException failure)
            {
                throw new BatchException($"{path}, line {row.LineNumberFrom}, column {failure.Column}: {failure.Message}", failure);
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
            Dates = Read(Dates, cell => List(cell).Select(text => SceneDates.TryParse(text, out var date) ? date : throw new FormatException($"'{text}' is no date; expected one such as 2024-05-01.")).ToArray(), []),
        };
        request = Read(Grid, cell => request with { Grid = cell }, request);
        request = Read(Resolution, cell => request with { Resolution = Number(cell) }, request);
        var details = new SceneDetails
        {
            Bands = List(Cell(Bands)),
            Scale = Read(Scale, cell => List(cell).Select(Number).ToArray(), []),
            Offset = Read(Offset, cell => List(cell).Select(Number).ToArray(), []),
            Masks = Read(Mask, cell => List(cell).Select(text => SceneMask.Parse(text).Located(folder)).ToArray(), []),
            Validity = Read<ValidityOptions?>(NoData, cell => ValidityOptions.Parse(cell), null),
            Area = Read<string?>(Area, Located, null),
        };
        var first = sources.Concat(modalities.Values).First();
        var name = Cell(Name) is { Length: > 0 } given ? given : List(Cell(Sources)).Concat(modalities.Values).First().Split('?')[0].TrimEnd('/').Replace('\\', '/');
        return new SceneEntry(name.Contains("://", StringComparison.Ordinal) ? name.Split('/')[^1] : name, first) { Request = request, Details = details };

        string Cell(string column) => cells.GetValueOrDefault(column, "");

        T Read<T>(string column, Func<string, T> read, T absent)
        {
            try
            {
                return Cell(column) is { Length: > 0 } cell ? read(cell) : absent;
            }
            catch (Exception failure) when (failure is ArgumentException or FormatException)
            {
                throw new CellException(column, failure);
            }
        }

        string Located(string source) => SceneList.IsPlace(source) ? source : Path.GetFullPath(source, folder);
    }

    private static double Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
        : throw new FormatException($"'{text}' is no number; expected one such as 0.0001.");

    private static string[] List(string cell) => cell.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // What a cell cannot be read for; the column is told beside the line.
    private sealed class CellException(string column, Exception cause) : FormatException(cause.Message, cause)
    {
        public string Column => column;
    }
}
