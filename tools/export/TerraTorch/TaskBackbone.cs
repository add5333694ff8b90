using System.Text.Json.Nodes;
using EoOnnx.Decoders;
using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.TerraTorch;

/// <summary>The encoder of a task: which family it is of, and what the task's <c>backbone_…</c> arguments mean for its export.</summary>
/// <param name="Family">The family.</param>
/// <param name="Name">Name of the variant, for example <c>prithvi_eo_v2_300</c>.</param>
/// <param name="Arguments">The model's arguments.</param>
internal sealed record TaskBackbone(IBackbone Family, string Name, JsonObject Arguments)
{
    // Families whose features TerraTorch hands on as the exporter makes them; the first word of the variant's name.
    private static readonly string[] Supported = ["dofa", "prithvi", "terramind"];

    // What TerraTorch's wrappers put before the encoder's own names.
    private static readonly string[] WrapperPrefixes = ["dofa_model."];

    // What else stands before names of blocks in an encoder, the longest first: DOFA's second version holds a model of timm.
    private static readonly string[] EncoderPrefixes = ["dofa_model.model.", "dofa_model."];

    private const long SmallestPublishedWidth = 192;

    /// <summary>Finds the family by the variant's name.</summary>
    /// <exception cref="ExportException">The backbone is not supported; the message names it and what is.</exception>
    public static TaskBackbone Of(TaskCheckpoint task)
    {
        var name = (task.Arguments["backbone"] as JsonValue)?.ToString() ?? throw new ExportException($"{task.Path} names no backbone (model_args: backbone).");
        var plain = name.StartsWith("terratorch_", StringComparison.Ordinal) ? name["terratorch_".Length..] : name;
        var family = Array.Find(Supported, family => plain.StartsWith(family, StringComparison.OrdinalIgnoreCase));
        return family is null
            ? throw new ExportException($"{task.Path} has the backbone '{name}'; tasks with backbones of {string.Join(", ", Supported)} are supported.")
            : new TaskBackbone(Backbones.Find(family), plain, task.Arguments);
    }

    /// <summary>Edge of the image that the backbone was made for; null when the arguments do not say.</summary>
    /// <exception cref="ExportException">It was made for images that are not square.</exception>
    public int? ImageSize => Integers("backbone_img_size") switch
    {
        [var edge] => edge,
        [var height, var width] => height == width ? height : throw new ExportException(
            $"The backbone was made for images of {height} x {width} pixels (backbone_img_size); supported are backbones made for square images, which may be given others with --tile and --tile-width."),
        _ => null,
    };

    /// <summary>Attention heads that the task tells: the argument, else those of the variant that it names, unless the encoder's width has no such
    /// heads. Null when it tells none.</summary>
    public int? StatedHeads(StateDict weights) => Integers("backbone_num_heads") is [var heads] ? heads
        : Family.HeadsOf(Name) is { } published && WidthOf(weights) % published == 0 ? published : null;

    /// <summary>A number of heads for an encoder that is smaller than every published one and whose task tells none; the export warns. Null leaves
    /// it to the family, which knows the published widths and refuses others.</summary>
    /// <remarks>Small encoders of tests usually have 4 heads.</remarks>
    public int? GuessedHeads(StateDict weights) =>
        StatedHeads(weights) is null && WidthOf(weights) is > 0 and < SmallestPublishedWidth and var width && width % 4 == 0 ? 4 : null;

    /// <summary>What the image is padded to inside the model; null when it is not.</summary>
    /// <param name="patch">Patch edge of the built encoder.</param>
    public ImagePadding? Padding(int? patch)
    {
        var edge = Integers("backbone_patch_size") is { Count: > 0 } given ? given[^1] : patch;
        var isOff = Arguments.TryGetPropertyValue("padding", out var padding) && padding is null;
        return edge is not { } size || isOff ? null : ImagePadding.ForPatch(size, (Arguments["backbone_padding"] ?? padding)?.ToString() ?? "reflect");
    }

    /// <summary>The encoder's tensors under the names that the family expects.</summary>
    public static StateDict Weights(StateDict encoder)
    {
        var plain = encoder.WithoutCommonPrefix();
        var wrapper = Array.Find(WrapperPrefixes, prefix => plain.Count > 0 && plain.Below(prefix).Count == plain.Count);
        return wrapper is null ? plain : plain.Below(wrapper);
    }

    /// <summary>Name of an encoder's tensor as the exported graph has it: without what wrappers put in front.</summary>
    public static string PlainName(string name) => Array.Find(EncoderPrefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix ? name[prefix.Length..] : name;

    /// <summary>How the family is exported.</summary>
    /// <param name="weights">The encoder's tensors.</param>
    /// <param name="tile">Size of the (padded) image; null takes what the weights were made for.</param>
    /// <param name="options">What the user asked for.</param>
    public BackboneOptions Options(StateDict weights, InputSize? tile, TerraTorchOptions options)
    {
        RefuseResampledPatch();
        var depth = DepthOf(weights);
        var bands = Texts("backbone_bands") ?? Texts("backbone_model_bands") ?? Texts("bands");
        return new BackboneOptions
        {
            Bands = bands,
            TrainedBands = bands,
            Frames = (Integers("backbone_num_frames") ?? Integers("num_frames")) is [var frames] ? frames : null,
            Modalities = Modalities(),
            Merge = Merge(),
            Tile = tile?.Height,
            TileWidth = tile?.Width,
            TrainedTile = ImageSize,
            Heads = options.Heads ?? StatedHeads(weights) ?? GuessedHeads(weights),
            Layers = Integers("backbone_out_indices") ?? (Family.Name == "dofa" ? [-1] : [.. Enumerable.Range(0, depth)]),
            Attention = options.Attention,
            Means = options.Means,
            Deviations = options.Deviations,
        };
    }

    // Names, or a new modality with its number of channels.
    private List<string>? Modalities() => Arguments["backbone_modalities"] is JsonArray { Count: > 0 } list
        ? [.. list.SelectMany(item => item is JsonObject added ? added.Select(entry => $"{entry.Key}={Integer("backbone_modalities", entry.Value)}") : [item?.ToString() ?? ""])]
        : null;

    private TokenMerge Merge() => Arguments["backbone_merge_method"]?.ToString() switch
    {
        null when !Arguments.ContainsKey("backbone_merge_method") => TokenMerge.Mean,
        "mean" => TokenMerge.Mean,
        "max" => TokenMerge.Max,
        "concat" => TokenMerge.Concat,
        var other => throw new ExportException($"The backbone merges modalities by '{other ?? "null"}'; with a decoder behind it mean, max and concat are supported."),
    };

    /// <summary>Number of blocks of the encoder.</summary>
    public static int DepthOf(StateDict weights) => new[] { "blocks", "encoder", "model.blocks" }.Max(weights.CountBlocks);

    // DOFA's second version with patches of 14 pixels whose kernel TerraTorch stretches to 16, while it pads images to multiples of 14.
    private void RefuseResampledPatch()
    {
        const string argument = "backbone_convert_patch_14_to_16";
        if (Arguments[argument] is JsonValue value && !(value.TryGetValue<bool>(out var isOn) && !isOn))
        {
            throw new ExportException($"The backbone {Name} was made with {argument}, which stretches the kernel of its patches; supported are backbones that keep it.");
        }
    }

    private static long? WidthOf(StateDict weights) =>
        new[] { "blocks.0.norm1.weight", "encoder.0.norm1.weight", "model.blocks.0.norm1.weight" }.Where(weights.Contains).Select(weights.Take).FirstOrDefault() is { Shape: [var width] } ? width : null;

    private List<int>? Integers(string name) => Arguments[name] switch
    {
        JsonArray list => [.. list.Select(item => Integer(name, item))],
        null => null,
        var single => [Integer(name, single)],
    };

    private static int Integer(string name, JsonNode? node) => node is JsonValue value && value.TryGetValue<long>(out var number) && number is >= -100_000 and <= 100_000 ? (int)number
        : throw new ExportException($"The argument {name} of the backbone is {node?.ToJsonString() ?? "null"}; expected whole numbers.");

    private List<string>? Texts(string name) => Arguments[name] switch
    {
        JsonArray { Count: > 0 } list => [.. list.Select(item => item?.ToString() ?? "")],
        JsonObject { Count: > 0 } byModality => [.. byModality.SelectMany(modality => (modality.Value as JsonArray ?? []).Select(band => $"{modality.Key}.{band}"))],
        _ => null,
    };
}
