using EoOnnx.Decoders.Necks;

namespace EoOnnx.Decoders.Configuration;

/// <summary>Necks by the names of TerraTorch's configuration.</summary>
internal static class NeckConfiguration
{
    private static readonly Dictionary<string, Func<ConfigurationArguments, Neck>> Known = new(StringComparer.Ordinal)
    {
        [nameof(SelectIndices)] = arguments => new SelectIndices
        {
            Indices = arguments.Integers("indices") ?? throw new DecoderException("SelectIndices needs the argument 'indices': the positions of the features to keep."),
        },
        [nameof(ReshapeTokensToImage)] = arguments => new ReshapeTokensToImage
        {
            RemoveClassToken = arguments.Flag("remove_cls_token", true), Frames = arguments.Integer("effective_time_dim", 1), Height = arguments.Integer("h"),
        },
        [nameof(PermuteDims)] = arguments => new PermuteDims
        {
            Order = arguments.Integers("new_order") ?? throw new DecoderException("PermuteDims needs the argument 'new_order': the axes in their new order."),
        },
        [nameof(InterpolateToPyramidal)] = arguments => new InterpolateToPyramidal
        {
            Factor = arguments.Integer("scale_factor", 2),
            Bilinear = arguments.Text("mode") switch { null or "nearest" => false, "bilinear" => true, var other => throw arguments.Bad("mode", other, "nearest or bilinear") },
        },
        [nameof(MaxpoolToPyramidal)] = arguments => new MaxpoolToPyramidal { Kernel = arguments.Integer("kernel_size", 2) },
        [nameof(LearnedInterpolateToPyramidal)] = _ => new LearnedInterpolateToPyramidal(),
        [nameof(AggregateTokens)] = Aggregate,
        [nameof(AddBottleneckLayer)] = _ => new AddBottleneckLayer(),
        [nameof(FeaturePyramidNetworkNeck)] = arguments => new FeaturePyramidNetworkNeck { Channels = arguments.Integer("out_channel", 256) },
    };

    public static Neck Read(ConfigurationArguments arguments)
    {
        var name = arguments.Text("name") ?? throw new DecoderException($"A neck has no name; known are {Names}.");
        var neck = Known.TryGetValue(name, out var read) ? read(arguments) : throw new DecoderException($"The neck '{name}' is not supported; supported are {Names}.");
        arguments.Finish();
        return neck;
    }

    private static string Names => string.Join(", ", Known.Keys.Order(StringComparer.Ordinal));

    private static AggregateTokens Aggregate(ConfigurationArguments arguments)
    {
        // In the reference a zero in 'indices' counts as not given.
        var indices = arguments.Integers("indices") is { Count: > 0 } list && !(list is [0] && arguments.Node("indices") is not System.Text.Json.Nodes.JsonArray) ? list : null;
        return new AggregateTokens
        {
            Pooling = arguments.Text("pooling") switch
            {
                null or "mean" => TokenPooling.Mean,
                "max" => TokenPooling.Max,
                "min" => TokenPooling.Min,
                "cls" => TokenPooling.ClassToken,
                var other => throw arguments.Bad("pooling", other, "mean, max, min or cls"),
            },
            Indices = indices ?? [arguments.Integer("index", -1)],
            DropClassToken = arguments.Flag("drop_cls", false),
        };
    }
}
