using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>Appends the last entry once more, with half its channels (a 1×1 convolution).</summary>
public sealed record AddBottleneckLayer : Neck
{
    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image)
    {
        var last = features.At(-1, nameof(AddBottleneckLayer));
        return [.. features, layers.Convolution("bottleneck", last, layers.Channels(last) / 2, 1)];
    }
}

/// <summary>A feature pyramid network (Lin et al. 2017): 1×1 convolutions, sums from the smallest map up with the nearest pixel repeated,
/// 3×3 convolutions. Every entry then has <see cref="Channels"/> channels.</summary>
public sealed record FeaturePyramidNetworkNeck : Neck
{
    /// <summary>Channels of every entry.</summary>
    public int Channels
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Channels), value, "A map needs at least one channel.");
    } = 256;

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image)
    {
        using var scope = layers.Below("fpn");
        var result = new Value[features.Count];
        Value? above = null;
        for (var i = features.Count - 1; i >= 0; i--)
        {
            var inner = Block($"inner_blocks.{i}.0", features[i], 1, 0);
            above = above is null ? inner : layers.Op.Add(inner, layers.ResizeLike(above, inner, "nearest"));
            result[i] = Block($"layer_blocks.{i}.0", above, 3, 1);
        }

        return result;

        Value Block(string name, Value x, long kernel, long padding) =>
            layers.Convolution(name, x, Channels, kernel, padding, weights: Initialization.Kaiming(layers.Channels(x) * kernel * kernel, 1));
    }
}
