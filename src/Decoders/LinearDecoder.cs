using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>One transposed convolution whose stride is its kernel: every token paints a block of class scores. It includes the head.</summary>
public sealed record LinearDecoder : Decoder
{
    /// <summary>Edge of the painted block in pixels, usually the patch size.</summary>
    public required int Upsampling
    {
        get;
        init => field = value is >= 1 and <= 64 ? value : throw new ArgumentOutOfRangeException(nameof(Upsampling), value, "The block must be 1 to 64 pixels; the patch size is usual.");
    }

    /// <summary>Which feature; negative numbers count from the end.</summary>
    public int Index { get; init; } = -1;

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => LastMap;

    internal override bool IncludesHead => true;

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features) => Classes > 0
        ? layers.TransposedConvolution("conv", features.At(Index, nameof(LinearDecoder)), Classes, Upsampling)
        : throw new DecoderException($"{nameof(LinearDecoder)} makes the prediction itself: give the number of classes (Classes).");
}
