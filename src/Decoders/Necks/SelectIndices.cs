using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>Keeps some entries of the list, in the given order.</summary>
public sealed record SelectIndices : Neck
{
    /// <summary>Positions; negative ones count from the end.</summary>
    public required IReadOnlyList<int> Indices
    {
        get;
        init => field = value.Count > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Indices), "At least one feature must be kept.");
    }

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image) =>
        [.. Indices.Select(index => features.At(index, nameof(SelectIndices)))];
}
