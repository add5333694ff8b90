using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>Enlarges entry i of L by <see cref="Factor"/> to the power L − i: with 4 entries and factor 2 by 16, 8, 4 and 2.</summary>
public sealed record InterpolateToPyramidal : Neck
{
    /// <summary>The base of the enlargement.</summary>
    public int Factor
    {
        get;
        init => field = value is >= 1 and <= 16 ? value : throw new ArgumentOutOfRangeException(nameof(Factor), value, "The scale factor must be 1 to 16.");
    } = 2;

    /// <summary>True interpolates bilinearly with half-pixel centres; false repeats the nearest pixel.</summary>
    public bool Bilinear { get; init; }

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image) => [.. features.Select((feature, i) =>
    {
        var scale = 1L;
        for (var power = i; power < features.Count; power++)
        {
            scale = checked(scale * Factor);
        }

        return layers.Enlarge(feature, scale, Bilinear ? "linear" : "nearest");
    })];
}

/// <summary>Shrinks entry i by <see cref="Kernel"/> to the power i, taking the largest pixel; the first entry stays.</summary>
public sealed record MaxpoolToPyramidal : Neck
{
    /// <summary>The base of the reduction.</summary>
    public int Kernel
    {
        get;
        init => field = value is >= 1 and <= 16 ? value : throw new ArgumentOutOfRangeException(nameof(Kernel), value, "The kernel must be 1 to 16 pixels.");
    } = 2;

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image)
    {
        var result = new List<Value>();
        var window = 1L;
        foreach (var feature in features)
        {
            result.Add(window == 1 ? feature : layers.Op.MaxPool(feature, [window, window], [window, window], [0, 0, 0, 0]));
            window = checked(window * Kernel);
        }

        return result;
    }
}

/// <summary>Four maps of one size become 4, 2, 1 and ½ times as large, the first two by learned transposed convolutions.</summary>
public sealed record LearnedInterpolateToPyramidal : Neck
{
    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image) =>
        PyramidScaling.Apply(layers, features, nameof(LearnedInterpolateToPyramidal));
}
