using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>Hands one feature to the head, unchanged.</summary>
public sealed record IdentityDecoder : Decoder
{
    /// <summary>Which feature; negative numbers count from the end.</summary>
    public int Index { get; init; } = -1;

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => LastMap;

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features) => features.At(Index, nameof(IdentityDecoder));
}
