using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>A small decoder without normalisation: a 1×1 convolution to <see cref="Channels"/>, then <see cref="Stages"/> times bilinear doubling of
/// the resolution, 3×3 convolution to half the channels and ReLU. Cheap, and it learns from single samples.</summary>
public sealed record ConvolutionalDecoder : Decoder
{
    private const int Fewest = 4;

    /// <summary>Channels before the first stage; each stage halves them, down to 4.</summary>
    public int Channels
    {
        get;
        init => field = value >= Fewest ? value : throw new ArgumentOutOfRangeException(nameof(Channels), value, "The decoder needs at least 4 channels; 64 to 256 is usual.");
    } = 64;

    /// <summary>How often the resolution doubles.</summary>
    public int Stages
    {
        get;
        init => field = value is >= 0 and <= 5 ? value : throw new ArgumentOutOfRangeException(nameof(Stages), value, "The decoder can double the resolution 0 to 5 times.");
    } = 2;

    /// <summary>Which feature; negative numbers count from the end.</summary>
    public int Index { get; init; } = -1;

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => LastMap;

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features)
    {
        var x = layers.Convolution("project", features.At(Index, nameof(ConvolutionalDecoder)), Channels, 1);
        var channels = Channels;
        for (var stage = 0; stage < Stages; stage++)
        {
            channels = Math.Max(Fewest, channels / 2);
            x = layers.Op.Relu(layers.Convolution($"stages.{stage}", layers.Enlarge(x, 2, "linear"), channels, 3, 1));
        }

        return x;
    }
}
