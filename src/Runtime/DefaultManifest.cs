using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>
/// The manifest of a model file: the one it carries, else one derived from the keys that QGIS Deepness reads and from the
/// shapes of the graph, so that models of other makers run too.
/// </summary>
internal static class DefaultManifest
{
    public static ModelManifest Read(string path, IReadOnlyDictionary<string, string> metadata, ModelTensor input, IReadOnlyList<ModelTensor> outputs)
    {
        if (metadata.TryGetValue(ModelManifest.MetadataKey, out var json))
        {
            return ModelManifest.Parse(json);
        }

        try
        {
            return Derive(path, metadata, input, outputs);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            throw new FileFormatException($"{path} has metadata that cannot be read as JSON: {failure.Message}", failure);
        }
    }

    private static ModelManifest Derive(string path, IReadOnlyDictionary<string, string> metadata, ModelTensor input, IReadOnlyList<ModelTensor> outputs)
    {
        var output = outputs[0];
        var names = ClassNames(metadata);
        var regressor = metadata.GetValueOrDefault("model_type", "").Contains("regressor", StringComparison.OrdinalIgnoreCase);
        var task = (output.Shape.Count, output.Shape.ElementAtOrDefault(1)) switch
        {
            (4, _) when regressor => ModelTask.Regression,
            (4, 1) when names.Count == 0 => ModelTask.Regression,
            (4, _) => ModelTask.Segmentation,
            (2, _) => ModelTask.Classification,
            _ => ModelTask.Features,
        };
        var tile = input.Shape[^1] > 0 ? (int)input.Shape[^1] : Number(metadata, "tile_size") ?? Number(metadata, "tiles_size");
        return new ModelManifest
        {
            Name = Path.GetFileNameWithoutExtension(path),
            Family = "other",
            Task = task,
            Bands = Bands(metadata, (int)Math.Max(0, input.Shape[1])),
            Frames = input.Shape.Count == 5 && input.Shape[2] > 0 ? (int)input.Shape[2] : 1,
            Tile = tile,
            Overlap = Number(metadata, "tiles_overlap") is { } percent && tile is { } edge ? edge * percent / 200 * 2 : null,
            GroundResolutionMetres = metadata.TryGetValue("resolution", out var centimetres) ? double.Parse(centimetres, CultureInfo.InvariantCulture) / 100 : null,
            Classes = names,
            // Deepness models end in softmax, or in sigmoid when they have one channel.
            Activation = names.Count == 0 || task != ModelTask.Segmentation ? "none" : output.Shape[1] == 1 ? "sigmoid" : "softmax",
        };
    }

    private static List<ManifestBand> Bands(IReadOnlyDictionary<string, string> metadata, int count)
    {
        var (mean, deviation) = (Numbers(metadata, "standardization_mean"), Numbers(metadata, "standardization_std"));
        // Deepness divides by 255 before it standardises.
        return mean.Count == count && deviation.Count == count
            ? [.. Enumerable.Range(0, count).Select(i => new ManifestBand(BandId(i), 255 * mean[i], 255 * deviation[i]))]
            : [.. Enumerable.Range(0, count).Select(i => new ManifestBand(BandId(i)))];
    }

    private static string BandId(int index) => string.Create(CultureInfo.InvariantCulture, $"band {index + 1}");

    private static List<ManifestClass> ClassNames(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue("class_names", out var text) && !metadata.TryGetValue("names", out text))
        {
            return [];
        }

        using var json = JsonDocument.Parse(text);
        var classes = json.RootElement.ValueKind == JsonValueKind.Array ? json.RootElement[0] : json.RootElement;
        return [.. classes.EnumerateObject().Select(item => new ManifestClass(int.Parse(item.Name, NumberStyles.None, CultureInfo.InvariantCulture), item.Value.GetString() ?? item.Name))
            .OrderBy(item => item.Id)];
    }

    private static List<double> Numbers(IReadOnlyDictionary<string, string> metadata, string key)
    {
        if (!metadata.TryGetValue(key, out var text))
        {
            return [];
        }

        using var json = JsonDocument.Parse(text);
        return [.. json.RootElement.EnumerateArray().Select(number => number.GetDouble())];
    }

    private static int? Number(IReadOnlyDictionary<string, string> metadata, string key) =>
        metadata.TryGetValue(key, out var text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? (int)number : null;
}
