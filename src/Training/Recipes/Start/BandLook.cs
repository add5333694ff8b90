using EoOnnx.Formats;
using EoOnnx.Runtime;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Which bands of the images a model takes.</summary>
internal static class BandLook
{
    // Order of the bands in Sentinel-2 files of level 1C and 2A without names.
    private static readonly string[] Level1 = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"];
    private static readonly string[] Level2 = [.. Level1.Where(band => band != "B10")];

    /// <summary>The data with the bands of the model, and why these.</summary>
    /// <exception cref="TrainingDataException">The images do not have the model's bands.</exception>
    public static DataRecipe Choose(DataRecipe data, IReadOnlyList<string> names, ModelManifest manifest, SortedDictionary<string, string> remarks)
    {
        IReadOnlyList<ManifestBand> bands = manifest.Modalities.Where(modality => modality is { Kind: "image", Input: not null }).SelectMany(modality => modality.Bands).ToList() is { Count: > 0 } several ? several : manifest.Bands;
        var (wanted, channels) = (bands.Select(band => BandNames.Fold(band.Id)).ToList(), bands.Count * manifest.Frames);
        if (bands.Count == 0 || names.Count == channels)
        {
            return data;
        }

        if (manifest.Frames == 1 && Positions([.. names.Select(BandNames.Fold)], wanted) is { } named)
        {
            remarks["data.bands"] = $"Found by the names of the bands in the files ({string.Join(", ", names)}); the model takes {string.Join(", ", bands.Select(band => band.Id))}.";
            return data with { Bands = named };
        }

        foreach (var (order, level) in new[] { (Level1, "1C"), (Level2, "2A") })
        {
            if (manifest.Frames == 1 && names.Count == order.Length && names.All(name => name.Length == 0) && Positions(order, wanted) is { } guessed)
            {
                remarks["data.bands"] = $"A guess: the files have {order.Length} bands without names, as many as Sentinel-2 products of level {level} ({string.Join(", ", order)}); the model takes {string.Join(", ", bands.Select(band => band.Id))}.";
                return data with { Bands = guessed };
            }
        }

        throw new TrainingDataException(
            $"The images have {names.Count} bands{(names.All(name => name.Length == 0) ? " without names" : $" ({string.Join(", ", names)})")}; {manifest.Name} takes {channels}{(manifest.Frames > 1 ? $" ({manifest.Frames} dates of {bands.Count})" : "")}: {string.Join(", ", bands.Select(band => band.Id))}. " +
            "Give a model for these bands, or none and write data.bands into the recipe.");
    }

    /// <summary>The data with the wavelengths of its bands, for an encoder that takes any, where all are known; else the remark asks for them.</summary>
    public static DataRecipe Wavelengths(DataRecipe data, IReadOnlyList<string> names, ModelManifest manifest, SortedDictionary<string, string> remarks)
    {
        if (RecipeWavelengths.Known(names) is { Count: > 0 } known)
        {
            remarks["data.wavelengths"] = $"{manifest.Name} takes any bands; these are of the bands that the files name: {string.Join(", ", names)}.";
            return data with { Wavelengths = known };
        }

        if (names.All(name => name.Length == 0) && (names.Count == Level1.Length ? Level1 : names.Count == Level2.Length ? Level2 : null) is { } order)
        {
            remarks["data.wavelengths"] = $"A guess: the files have {order.Length} bands without names, as many as Sentinel-2 products of level {(order == Level1 ? "1C" : "2A")} ({string.Join(", ", order)}).";
            return data with { Wavelengths = RecipeWavelengths.Known(order) };
        }

        throw new TrainingDataException(
            $"{manifest.Name} takes any bands, told by their wavelengths, but those of the files are not known by {(names.All(name => name.Length == 0) ? $"name: {names.Count} bands without one" : $"the names {string.Join(", ", names)}")}. " +
            "Give a model for these bands (eoonnx export --wavelengths), or none and write data.wavelengths into the recipe.");
    }

    private static List<int>? Positions(IReadOnlyList<string> order, IReadOnlyList<string> wanted) =>
        wanted.All(band => band.Length > 0 && order.Count(name => name == band) == 1) ? [.. wanted.Select(band => order.ToList().IndexOf(band) + 1)] : null;
}
