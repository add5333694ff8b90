using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>Brings the axes of every entry into another order.</summary>
public sealed record PermuteDims : Neck
{
    /// <summary>For each axis of the result, the axis it was; negative ones count from the end.</summary>
    public required IReadOnlyList<int> Order
    {
        get;
        init => field = value.Count is > 0 and <= 8 ? value : throw new ArgumentOutOfRangeException(nameof(Order), value.Count, "1 to 8 axes can be permuted.");
    }

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image) => [.. features.Select(feature =>
    {
        var axes = Order.Select(axis => (long)(axis < 0 ? axis + feature.Rank : axis)).ToArray();
        return axes.Order().SequenceEqual(Enumerable.Range(0, feature.Rank).Select(axis => (long)axis)) ? layers.Op.Transpose(feature, axes) : throw new DecoderException(
            $"{nameof(PermuteDims)} has the order {string.Join(", ", Order)}; the feature {feature.KnownShape} needs each of its {feature.Rank} axes once.");
    })];
}
