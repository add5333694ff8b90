using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>
/// The manifest of a model file: the one it carries, else one derived from the keys that QGIS Deepness reads and from the
/// shapes of the graph, so that models of other makers run too.
/// </summary>
/// <remarks>Source of the keys: Deepness 0.6.5, processing/models/model_base.py, segmentor.py, regressor.py, superresolution.py.</remarks>
internal static class DefaultManifest
{
    private static readonly string[] DeepnessKeys =
        ["model_type", "class_names", "resolution", "tile_size", "tiles_size", "tiles_overlap", "standardization_mean", "standardization_std", "seg_thresh", "seg_small_segment", "reg_output_scaling"];

    // What Deepness cuts probabilities at where the file does not say; source: common/config_entry_key.py.
    private const double DeepnessThreshold = 0.5;

    /// <summary>The kind of a model for Deepness in capitals, empty when its keys name none; null when it is no model for Deepness.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="metadata">Metadata of the file.</param>
    /// <param name="options">Whether a file without any of the keys counts, too, and of which kind it is.</param>
    /// <exception cref="ModelException">The file says something else than the options.</exception>
    public static string? KindOf(string path, IReadOnlyDictionary<string, string> metadata, EoModelOptions options)
    {
        if (metadata.ContainsKey(ModelManifest.MetadataKey))
        {
            return options.DeepnessKind is null ? null
                : throw new ModelException($"{path} has a manifest that says what it is; expected a model without one where the kind for QGIS Deepness is given ({options.DeepnessKind}). Leave the kind out.");
        }

        var named = metadata.TryGetValue("model_type", out var type) ? type.Trim('"').ToUpperInvariant() : null;
        var asked = options.DeepnessKind?.ToString().ToUpperInvariant();
        if (named is not null && asked is not null && named != asked)
        {
            throw new ModelException($"{path} names the model_type {type}; {options.DeepnessKind} was asked for. Leave the kind out, or correct the file's metadata.");
        }

        return named ?? asked ?? (options.Deepness || DeepnessKeys.Any(metadata.ContainsKey) ? "" : null);
    }

    public static ModelManifest Read(string path, IReadOnlyDictionary<string, string> metadata, ModelTensor input, IReadOnlyList<ModelTensor> outputs, string? kind)
    {
        if (metadata.TryGetValue(ModelManifest.MetadataKey, out var json))
        {
            return ModelManifest.Parse(json);
        }

        try
        {
            return Derive(path, metadata, input, outputs, kind);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            throw new FileFormatException($"{path} has metadata that cannot be read as JSON: {failure.Message}", failure);
        }
    }

    private static ModelManifest Derive(string path, IReadOnlyDictionary<string, string> metadata, ModelTensor input, IReadOnlyList<ModelTensor> outputs, string? kind)
    {
        var named = ClassNames(metadata, outputs.Count);
        var task = TaskOf(kind, input, outputs[0], named[0]);
        var tile = input.Shape[^1] > 0 ? (int)input.Shape[^1] : Integer(metadata, "tile_size") ?? Integer(metadata, "tiles_size");
        var size = input.Shape[^1] > 0 && input.Shape[^2] > 0 && input.Shape[^1] != input.Shape[^2] ? new ManifestTileSize((int)input.Shape[^2], (int)input.Shape[^1]) : null;
        var heads = outputs.Zip(named, (output, names) => new ManifestHead(output.Name, task == ModelTask.Regression ? [] : Complete(names, output))).ToList();
        return new ModelManifest
        {
            Name = Path.GetFileNameWithoutExtension(path),
            Family = "other",
            Task = task,
            Bands = Bands(metadata, (int)Math.Max(0, input.Shape[1]), kind is null ? 1 : 255),
            Frames = input.Shape.Count == 5 && input.Shape[2] > 0 ? (int)input.Shape[2] : 1,
            Tile = size is null ? tile : null,
            TileSize = size,
            // As Deepness rounds it; it may be odd. Source: common/processing_overlap.py.
            Overlap = Number(metadata, "tiles_overlap") is { } percent && tile is { } edge ? Math.Clamp((int)(edge * Math.Truncate(percent) / 100 * 2) / 2, 0, edge - 1) : null,
            GroundResolutionMetres = Number(metadata, "resolution") / 100,
            Classes = heads[0].Classes,
            Heads = outputs.Count > 1 && task is ModelTask.Segmentation or ModelTask.Regression ? heads : [],
            // Deepness takes the output as probabilities, whatever it is.
            Activation = kind is null && named[0].Count == 0 || task != ModelTask.Segmentation ? "none" : Channels(outputs[0]) == 1 ? "sigmoid" : "softmax",
            Threshold = task == ModelTask.Segmentation ? Number(metadata, "seg_thresh") ?? (kind is null ? null : DeepnessThreshold) : null,
            // The plugin's box for it holds 0 to 99. What it shows for a file that says nothing is the user's last setting, not the model's.
            Median = task == ModelTask.Segmentation && Number(metadata, "seg_small_segment") is { } window ? (int)Math.Clamp(window, 0, 99) : null,
            OutputScale = task == ModelTask.Regression ? Number(metadata, "reg_output_scaling") ?? 1 : 1,
            Upsampling = Upsampling(input, outputs[0]),
        };
    }

    private static ModelTask TaskOf(string? kind, ModelTensor input, ModelTensor output, IReadOnlyList<ManifestClass> names) => (kind, output.Shape.Count) switch
    {
        ("DETECTOR", _) or ("RECOGNITION", _) => ModelTask.Features,
        ("REGRESSOR", 3 or 4) or ("SUPERRESOLUTION", 3 or 4) => ModelTask.Regression,
        ("SEGMENTOR", 3 or 4) => ModelTask.Segmentation,
        (_, 4) when Channels(output) == 1 && names.Count == 0 => ModelTask.Regression,
        (_, 4) => ModelTask.Segmentation,
        (_, 3) when output.Shape[1] == output.Shape[2] || output.Shape.Skip(1).SequenceEqual(input.Shape.Skip(input.Shape.Count - 2)) => names.Count == 0 ? ModelTask.Regression : ModelTask.Segmentation,
        (_, 2) => ModelTask.Classification,
        _ => ModelTask.Features,
    };

    private static long Channels(ModelTensor output) => output.Shape.Count == 3 ? 1 : output.Shape[1];

    // A whole factor between the sizes of image and map means super-resolution; smaller maps are the middle of the image.
    private static int Upsampling(ModelTensor input, ModelTensor output) =>
        input.Shape[^1] > 0 && output.Shape[^1] > input.Shape[^1] && output.Shape[^1] % input.Shape[^1] == 0 ? (int)(output.Shape[^1] / input.Shape[^1]) : 1;

    // Deepness divides by 255 before it standardises, with or without statistics.
    private static List<ManifestBand> Bands(IReadOnlyDictionary<string, string> metadata, int count, double divisor)
    {
        var (mean, deviation) = (Numbers(metadata, "standardization_mean"), Numbers(metadata, "standardization_std"));
        return mean.Count == count && deviation.Count == count
            ? [.. Enumerable.Range(0, count).Select(i => new ManifestBand(BandId(i), divisor * mean[i], divisor * deviation[i]))]
            : [.. Enumerable.Range(0, count).Select(i => new ManifestBand(BandId(i), 0, divisor))];
    }

    /// <summary>What a channel is called in a model that names none.</summary>
    /// <param name="index">The channel, from 0.</param>
    public static string BandId(int index) => string.Create(CultureInfo.InvariantCulture, $"band {index + 1}");

    // One map of classes an output. The key holds one object, or a list of them; one object serves every output.
    private static List<IReadOnlyList<ManifestClass>> ClassNames(IReadOnlyDictionary<string, string> metadata, int outputs)
    {
        if (!metadata.TryGetValue("class_names", out var text) && !metadata.TryGetValue("names", out text))
        {
            return [.. Enumerable.Repeat<IReadOnlyList<ManifestClass>>([], outputs)];
        }

        using var json = JsonDocument.Parse(text);
        List<IReadOnlyList<ManifestClass>> maps = json.RootElement.ValueKind == JsonValueKind.Array
            ? [.. json.RootElement.EnumerateArray().Select(Classes)] : [Classes(json.RootElement)];
        return maps.Count == 1 ? [.. Enumerable.Repeat(maps[0], outputs)]
            : maps.Count == outputs ? maps
            : throw new FormatException($"class_names describes {maps.Count} outputs; the graph has {outputs}.");
    }

    private static IReadOnlyList<ManifestClass> Classes(JsonElement map) =>
        [.. map.EnumerateObject().Select(item => new ManifestClass(int.Parse(item.Name, NumberStyles.None, CultureInfo.InvariantCulture), item.Value.GetString() ?? item.Name)).OrderBy(item => item.Id)];

    // One name on one channel is the class that a sigmoid finds: the background is added in front, as Deepness does.
    private static IReadOnlyList<ManifestClass> Complete(IReadOnlyList<ManifestClass> names, ModelTensor output) =>
        names.Count == 1 && Channels(output) == 1 ? [new ManifestClass(0, "background"), new ManifestClass(1, names[0].Name)] : names;

    private static List<double> Numbers(IReadOnlyDictionary<string, string> metadata, string key)
    {
        if (!metadata.TryGetValue(key, out var text))
        {
            return [];
        }

        using var json = JsonDocument.Parse(text);
        return [.. json.RootElement.EnumerateArray().Select(number => number.GetDouble())];
    }

    private static double? Number(IReadOnlyDictionary<string, string> metadata, string key) => metadata.TryGetValue(key, out var text)
        ? double.TryParse(text.Trim('"'), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"{key} is '{text}'; expected a number.")
        : null;

    private static int? Integer(IReadOnlyDictionary<string, string> metadata, string key) => (int?)Number(metadata, key);
}
