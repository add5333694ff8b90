using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes;

/// <summary>Date and place of chips for the optional inputs of encoders that take them (Prithvi-EO 2.0 TL).</summary>
internal static class RecipeCoordinates
{
    // Names that the export gives them.
    private const string Time = "temporal_coords", Place = "location_coords";

    /// <summary>Names of the inputs that a recipe fills.</summary>
    public static IReadOnlyList<string> Inputs(DataRecipe recipe) => recipe.Coordinates switch { CoordinatesUse.Time => [Time], CoordinatesUse.Place => [Place], CoordinatesUse.Both => [Time, Place], _ => [] };

    /// <summary>The use that a model was trained for: its optional inputs.</summary>
    public static CoordinatesUse UseOf(ModelManifest manifest) => (manifest.OptionalInputs.Any(input => input.Name == Time), manifest.OptionalInputs.Any(input => input.Name == Place)) switch
    {
        (true, true) => CoordinatesUse.Both,
        (true, false) => CoordinatesUse.Time,
        (false, true) => CoordinatesUse.Place,
        _ => CoordinatesUse.None,
    };

    /// <summary>The encoder for a recipe: optional inputs that chips do not fill become constants, "not known", so that maps do not fill them either.</summary>
    /// <exception cref="TrainingDataException">The encoder lacks an input that the recipe wants to fill.</exception>
    public static OnnxModel Prepare(OnnxModel encoder, DataRecipe recipe)
    {
        var manifest = ModelManifest.Parse(encoder.Metadata[ModelManifest.MetadataKey]);
        var filled = Inputs(recipe);
        if (filled.FirstOrDefault(name => manifest.OptionalInputs.All(input => input.Name != name)) is { } absent)
        {
            throw new TrainingDataException($"data.coordinates is '{recipe.Coordinates.ToString().ToLowerInvariant()}', but {manifest.Name} has no input '{absent}'; encoders that take dates and places are those of Prithvi-EO 2.0 with TL in their names. Leave out data.coordinates, or take such an encoder.");
        }

        if (manifest.OptionalInputs.All(input => filled.Contains(input.Name)))
        {
            return encoder;
        }

        var copy = encoder.Clone();
        foreach (var input in manifest.OptionalInputs.Where(input => !filled.Contains(input.Name)))
        {
            if (copy.Graph.FindInput(input.Name) is { } unfilled)
            {
                copy.Graph.RemoveInput(unfilled);
            }
        }

        copy.Metadata[ModelManifest.MetadataKey] = (manifest with { OptionalInputs = [.. manifest.OptionalInputs.Where(input => filled.Contains(input.Name))] }).ToJson();
        return copy;
    }

    /// <summary>What each chip gives the inputs.</summary>
    /// <exception cref="TrainingDataException">No chip has a date, or none a place.</exception>
    public static IReadOnlyList<ChipValues> Of(DataRecipe recipe, RasterChipSource source, ModelManifest manifest) =>
        [.. Inputs(recipe).Select(name => name == Time ? Times(recipe, source, manifest.Frames) : Places(source))];

    /// <summary>Which of the model's optional inputs every chip can fill without a table.</summary>
    public static CoordinatesUse Known(RasterChipSource source, ModelManifest manifest)
    {
        var use = UseOf(manifest);
        var time = use is CoordinatesUse.Time or CoordinatesUse.Both && source.Files.All(file => FileDates(file, manifest.Frames) is not null);
        var place = use is CoordinatesUse.Place or CoordinatesUse.Both && source.Outlines().All(outline => outline is not null);
        return (time, place) switch { (true, true) => CoordinatesUse.Both, (true, false) => CoordinatesUse.Time, (false, true) => CoordinatesUse.Place, _ => CoordinatesUse.None };
    }

    private static ChipValues Places(RasterChipSource source)
    {
        var outlines = source.Outlines();
        return outlines.Any(outline => outline is not null)
            ? new ChipValues(new SampleInput(Place, ElementType.Float, [2]) { MayBeMissing = true }, [.. outlines.Select(outline => outline is null ? [float.NaN, float.NaN] : new[] { (float)outline.Latitude, (float)outline.Longitude })])
            : throw new TrainingDataException("No chip is georeferenced, so places cannot be given to the model. Use data.coordinates: time, or leave it out.");
    }

    private static ChipValues Times(DataRecipe recipe, RasterChipSource source, int frames)
    {
        var table = recipe.DateTable is { } path ? TableDates(recipe, path, frames) : null;
        var dates = source.Files.Select(file => table is null ? FileDates(file, frames) : table.GetValueOrDefault(file.OwnName) ?? table.GetValueOrDefault(file.Name) ?? table.GetValueOrDefault(Path.GetFileName(file.Image))).ToList();
        return dates.Exists(found => found is not null)
            ? new ChipValues(
                new SampleInput(Time, ElementType.Float, [frames, 2]) { MayBeMissing = true },
                [.. dates.Select(found => found is null ? [.. Enumerable.Repeat(float.NaN, 2 * frames)] : found.SelectMany(date => new float[] { date.Year, date.DayOfYear }).ToArray())])
            : throw new TrainingDataException(
                $"No chip has {(frames == 1 ? "a date" : $"{frames} dates")}: names such as '{Path.GetFileName(source.Files[0].Image)}' hold none (20200904, 2020-09-04 or 2020248), nor do tags of the files. Give a table (data.dateTable).");
    }

    /// <summary>The dates of a chip's images by their names, else by their tags; null when they are not as many as the model's frames.</summary>
    private static IReadOnlyList<DateOnly>? FileDates(ChipFile file, int frames)
    {
        string[] images = [file.Image, .. file.MoreImages];
        var named = images.Select(image => ChipDates.In(Path.GetFileName(image))).ToList();
        var dates = images.Length == frames ? named.ConvertAll(found => found.Count > 0 ? found[0] : (DateOnly?)null) : named.SelectMany(found => found).Cast<DateOnly?>().ToList();
        if (images.Length == frames && dates.Contains(null) && !images.Any(ChipArray.IsArray))
        {
            dates = [.. images.Select(image =>
            {
                using var dataset = RasterDataset.Open(image);
                return SceneTime.Find(dataset) is { } time ? DateOnly.FromDateTime(time.UtcDateTime) : (DateOnly?)null;
            })];
        }

        return dates.Count == frames && !dates.Contains(null) ? [.. dates.Select(date => date!.Value)] : null;
    }

    private static Dictionary<string, IReadOnlyList<DateOnly>> TableDates(DataRecipe recipe, string path, int frames)
    {
        var columns = LabelTable.ColumnsOf(path);
        var name = recipe.NameColumn is { } given && columns.ContainsKey(given) ? given : columns.Keys.First();
        var wanted = recipe.DateColumns.Count > 0 ? recipe.DateColumns : [.. columns.Keys.Where(column => column.Contains("date", StringComparison.OrdinalIgnoreCase))];
        if (wanted.Count != frames || wanted.FirstOrDefault(column => !columns.ContainsKey(column)) is not null)
        {
            throw new TrainingDataException($"The table {path} has the columns {string.Join(", ", columns.Keys)}; expected {frames} with dates, one for each date of the model. Name them with data.dateColumns.");
        }

        var dates = new Dictionary<string, IReadOnlyList<DateOnly>>(StringComparer.Ordinal);
        for (var row = 0; row < columns[name].Count; row++)
        {
            dates[columns[name][row]] = [.. wanted.Select(column => DateTime.TryParse(columns[column][row], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date) ? DateOnly.FromDateTime(date)
                : throw new TrainingDataException($"The table {path} says '{columns[column][row]}' for {column} of '{columns[name][row]}'; expected a date such as 2020-09-04."))];
        }

        return dates;
    }
}
