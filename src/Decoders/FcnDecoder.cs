using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>Blocks that each double the size: transposed convolution, 3×3 convolution, layer normalisation over the channels, GELU.</summary>
public sealed record FcnDecoder : Decoder
{
    // TerraTorch's LayerNorm2d.
    private const float Epsilon = 1e-6f;

    /// <summary>Channels of every block.</summary>
    public int Channels
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Channels), value, "A map needs at least one channel; 64 to 256 is usual.");
    } = 256;

    /// <summary>Number of blocks.</summary>
    public int Blocks
    {
        get;
        init => field = value is >= 1 and <= 6 ? value : throw new ArgumentOutOfRangeException(nameof(Blocks), value, "The decoder has 1 to 6 blocks.");
    } = 4;

    /// <summary>Which feature; negative numbers count from the end.</summary>
    public int Index { get; init; } = -1;

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => LastMap;

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features)
    {
        var x = features.At(Index, nameof(FcnDecoder));
        for (var i = 0; i < Blocks; i++)
        {
            using var scope = layers.Below($"convs.{i}");
            x = layers.Convolution("1", layers.TransposedConvolution("0", x, Channels, 2), Channels, 3, 1);
            x = layers.Op.Gelu(layers.ChannelNormalization("2.ln", x, Epsilon));
        }

        return x;
    }
}
