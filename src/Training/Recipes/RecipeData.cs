using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes;

/// <summary>The chips of a recipe, ready for one model.</summary>
internal static class RecipeData
{
    /// <summary>Opens the files that a recipe names.</summary>
    public static RasterChipSource Open(DataRecipe recipe) => new(
        ChipFolder.Find(new ChipFolderOptions { Folder = recipe.Folder, LabelFolder = recipe.LabelFolder, Images = recipe.Images, Labels = recipe.Labels }),
        new RasterChipOptions { Bands = recipe.Bands });

    public static DataSplit Split(DataRecipe recipe, ChipSource source, long seed) => recipe.HoldOut.Count > 0
        ? DataSplit.LeaveOut(source.Chips, recipe.HoldOut)
        : DataSplit.Random(source.Chips, recipe.ValidationShare, seed);

    /// <summary>How label values become classes.</summary>
    /// <exception cref="TrainingDataException">Two classes have one value.</exception>
    public static ClassLabels Labels(DataRecipe recipe)
    {
        var map = new Dictionary<int, int>();
        foreach (var (index, item) in recipe.Classes.Index())
        {
            if (!map.TryAdd(item.Value ?? index, index))
            {
                throw new TrainingDataException($"The classes '{recipe.Classes[map[item.Value ?? index]].Name}' and '{item.Name}' have the same label value {item.Value ?? index}.");
            }
        }

        return new ClassLabels { Classes = recipe.Classes.Count, IgnoreIndex = Math.Max(255, recipe.Classes.Count), Ignored = recipe.Ignored, Map = map, OnlyMapped = true };
    }

    /// <summary>The bands of the task: the model's, with statistics of the training chips where these are wanted.</summary>
    /// <exception cref="TrainingDataException">The chips do not have the model's bands.</exception>
    public static IReadOnlyList<ManifestBand> Bands(DataRecipe recipe, ModelManifest manifest, ChipSource source, IReadOnlyList<int> training, IProgress<int>? progress, CancellationToken cancellation)
    {
        IReadOnlyList<ManifestBand> bands = manifest.Bands.Count > 0 ? manifest.Bands : [.. Enumerable.Range(1, source.Bands).Select(band => new ManifestBand($"band {band}"))];
        if (bands.Count != source.Bands)
        {
            throw new TrainingDataException(
                $"The chips have {source.Bands} bands; {manifest.Name} expects {bands.Count} ({bands[0].Id} … {bands[^1].Id}). Choose with --bands 2,3,4,… in the model's order.");
        }

        var hasStatistics = bands.Any(band => band.Mean != 0 || band.StandardDeviation != 1);
        if (recipe.Statistics == StatisticsSource.Model || (recipe.Statistics == StatisticsSource.Auto && hasStatistics))
        {
            return bands;
        }

        var statistics = BandStatistics.Of(source, training, progress, cancellation);
        return [.. bands.Zip(statistics, (band, found) => band with
        {
            Mean = (found.Mean * manifest.ValueScale) + manifest.ValueOffset,
            StandardDeviation = found.StandardDeviation > 0 ? found.StandardDeviation * Math.Abs(manifest.ValueScale)
                : throw new TrainingDataException($"Band {band.Id} has the value {found.Mean} in all training chips, so it cannot be standardised. Leave it out with --bands, or use --statistics model."),
        })];
    }

    public static IReadOnlyList<ChannelScaling> Scaling(ModelManifest manifest, IReadOnlyList<ManifestBand> bands) =>
        [.. bands.Select(band => new ChannelScaling((float)band.Mean, (float)band.StandardDeviation, (float)manifest.ValueScale, (float)manifest.ValueOffset))];

    /// <summary>Side of the images that the model takes.</summary>
    /// <exception cref="TrainingException">The model does not say.</exception>
    public static int Tile(OnnxModel model, ModelManifest manifest) => manifest.Tile ?? (int?)model.Graph.Inputs[0].KnownShape[-1].Value
        ?? throw new TrainingException($"{manifest.Name} does not state its tile size (manifest member tile). Export it again with eoonnx export.");
}
