using EoOnnx.Export.Architectures;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Detection;

/// <summary>
/// Tells from the names and shapes of tensors which family of models they belong to. Each family has a tensor that no other has; where it is
/// found, whatever stands in front of it, the encoder begins.
/// </summary>
public static class FamilyDetector
{
    private static readonly (string Signature, Func<StateDict, DetectedModel?> Read)[] Families =
    [
        ("patch_embed.weight_generator.weight_tokens", Dofa),
        ("eo_patch_embed.S1.weight", Presto),
        ("encoder_embeddings.*.mod_emb", TerraMind),
        ("features.1.0.attn.cpb_mlp.0.weight", Swin),
        ("layer1.0.conv1.weight", ResNet),
        (SequentialResNet.Signature, weights => ResNet(SequentialResNet.Renamed(weights))),
        ("patch_embed.proj.weight", Transformer),
    ];

    /// <summary>What the weights look like, or null when they are of no known family.</summary>
    public static DetectedModel? Detect(StateDict weights)
    {
        foreach (var (signature, read) in Families)
        {
            if (PrefixOf(weights, signature) is { } prefix && read(weights.Below(prefix)) is { } model)
            {
                return OfficialVariants.Classify(model with { Prefix = weights.Prefix + prefix, AdapterRank = RankOf(weights) });
            }
        }

        return IsAdapter(weights) ? new DetectedModel { Family = "adapter", Depth = AdapterDepth(weights), AdapterRank = RankOf(weights) } : null;
    }

    private static DetectedModel? Dofa(StateDict weights)
    {
        var encoder = Architectures.Dofa.EncoderOf(weights);
        var width = Extent(encoder.Peek("cls_token"), 2);
        var generated = Extent(weights.Peek("patch_embed.weight_generator.fc_weight.weight"), 0);   // patch² · width rows
        return new DetectedModel
        {
            Family = "dofa", Version = Architectures.Dofa.VersionOf(weights), Depth = encoder.CountBlocks("blocks"), Width = width, Positions = Extent(encoder.Peek("pos_embed"), 1) - 1,
            Patch = width > 0 && generated is { } rows ? (int)Math.Sqrt(rows / width.Value) : null,
            HeadClasses = Extent(weights.Peek("head.weight"), 0),
        };
    }

    private static DetectedModel? Presto(StateDict weights) => new()
    {
        Family = "presto", Depth = weights.CountBlocks("blocks"), Width = Extent(weights.Peek("eo_patch_embed.S1.weight"), 0),
        Positions = Extent(weights.Peek("pos_embed"), 1), Coordinates = ["time", "location"],
    };

    private static DetectedModel? TerraMind(StateDict weights)
    {
        var embeddings = weights.Below("encoder_embeddings.");
        const string Ending = ".mod_emb";
        List<string> modalities = [.. embeddings.Names.Where(name => name.EndsWith(Ending, StringComparison.Ordinal)).Select(name => name[..^Ending.Length])];
        return new DetectedModel
        {
            Family = "terramind", Depth = weights.CountBlocks("encoder"), Width = Extent(embeddings.Peek(modalities[0] + Ending), 2), Modalities = modalities,
        };
    }

    private static DetectedModel? Swin(StateDict weights)
    {
        var depth = 0;
        for (var stage = 1; weights.CountBlocks($"features.{stage}") is var blocks && weights.Contains($"features.{stage}.0.norm1.weight"); stage += 2)
        {
            depth += blocks;
        }

        var embedding = weights.Peek("features.0.0.weight");
        return new DetectedModel
        {
            Family = "swin", Depth = depth, Width = Extent(embedding, 0), Channels = Extent(embedding, 1), Patch = Extent(embedding, 2),
            HeadClasses = Extent(weights.Peek("head.weight"), 0),
        };
    }

    private static DetectedModel? ResNet(StateDict weights)
    {
        var isBottleneck = weights.Contains("layer1.0.conv3.weight");
        return new DetectedModel
        {
            Family = "resnet", Depth = Enumerable.Range(1, 4).Sum(stage => weights.CountBlocks($"layer{stage}")), Channels = Extent(weights.Peek("conv1.weight"), 1),
            Width = Extent(weights.Peek(isBottleneck ? "layer1.0.conv3.weight" : "layer1.0.conv2.weight"), 0), HeadClasses = Extent(weights.Peek("fc.weight"), 0),
        };
    }

    // The same names serve Prithvi (a three-dimensional patch), timm's ViT and ScaleMAE (a ViT for three bands: MissingFacts says the doubt).
    private static DetectedModel? Transformer(StateDict weights)
    {
        var embedding = weights.Peek("patch_embed.proj.weight");
        if (embedding is not { Shape.Length: 4 or 5 } || !weights.Contains("blocks.0.norm1.weight"))
        {
            return null;
        }

        var isPrithvi = embedding.Shape.Length == 5;
        var relative = isPrithvi ? null : RelativePositions.Guess(weights);
        var classes = Extent(weights.Peek("head.weight"), 0);
        List<string> coordinates = [];
        if (weights.Contains("temporal_embed_enc.scale"))
        {
            coordinates.Add("time");
        }

        if (weights.Contains("location_embed_enc.scale"))
        {
            coordinates.Add("location");
        }

        return new DetectedModel
        {
            Family = isPrithvi ? "prithvi" : embedding.Shape[1] == 3 && relative is null && LayerScale.Of(weights) is null ? "scalemae" : "vit",
            Depth = weights.CountBlocks("blocks"), Width = Extent(embedding, 0), Channels = Extent(embedding, 1), Patch = (int)embedding.Shape[^1],
            Positions = relative is { Grid: var grid } ? grid * grid : Extent(weights.Peek("pos_embed"), 1) - (weights.Contains("cls_token") ? 1 : 0), Heads = relative?.Heads, Coordinates = isPrithvi ? coordinates : null, HeadClasses = classes,
        };
    }

    private static bool IsAdapter(StateDict weights) =>
        weights.Names.Any(name => name.Contains(".lora_A", StringComparison.Ordinal) || name.Contains(".ia3_l", StringComparison.Ordinal) || name.Contains(".lora_B", StringComparison.Ordinal));

    private static int? RankOf(StateDict weights) =>
        weights.Names.FirstOrDefault(name => name.Contains(".lora_A", StringComparison.Ordinal)) is { } name ? Extent(weights.Peek(name), 0) : null;

    private static int? AdapterDepth(StateDict weights) =>
        weights.Names.FirstOrDefault(name => name.Contains("blocks.0.", StringComparison.Ordinal)) is { } name
            ? weights.CountBlocks(name[..(name.IndexOf("blocks.0.", StringComparison.Ordinal) + "blocks".Length)])
            : null;

    private static int? Extent(TensorData? tensor, int axis) => tensor is not null && axis < tensor.Shape.Length ? (int)tensor.Shape[axis] : null;

    /// <summary>What stands in front of a name, which may hold one <c>*</c>; null when there is no such name.</summary>
    private static string? PrefixOf(StateDict weights, string signature)
    {
        var (start, end) = signature.Split('*') is [var left, var right] ? (left, right) : ("", signature);
        foreach (var name in weights.Names)
        {
            if (!name.EndsWith(end, StringComparison.Ordinal))
            {
                continue;
            }

            var at = start.Length > 0 ? name.IndexOf(start, StringComparison.Ordinal) : name.Length - end.Length;
            if (at == 0 || (at > 0 && name[at - 1] == '.'))
            {
                return name[..at];
            }
        }

        return null;
    }
}
