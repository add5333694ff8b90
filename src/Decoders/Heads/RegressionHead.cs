using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Heads;

/// <summary>A value for each pixel: learned upscaling, 3×3 convolutions with BatchNorm and ReLU, dropout of channels, a 1×1 convolution
/// and an activation; the first two only when asked for.</summary>
public sealed record RegressionHead : Head
{
    /// <summary>Number of values.</summary>
    public int Values { get; init => field = Positive(value, nameof(Values)); } = 1;

    /// <summary>How often a learned layer doubles the resolution.</summary>
    public int UpscaleLayers
    {
        get;
        init => field = value is >= 0 and <= 6 ? value : throw new ArgumentOutOfRangeException(nameof(UpscaleLayers), value, "The head can double the resolution 0 to 6 times.");
    }

    /// <summary>Channels of the layers before the last.</summary>
    public IReadOnlyList<int> Channels { get; init => field = Layers(value, nameof(Channels)); } = [];

    /// <summary>Probability with which a channel is zeroed in training.</summary>
    public double Dropout { get; init => field = Probability(value, nameof(Dropout)); }

    /// <summary>Applied to the values; null leaves them.</summary>
    public Activation? FinalActivation { get; init; }

    /// <inheritdoc/>
    public override int Outputs => Values;

    /// <inheritdoc/>
    public override bool IsMap => true;

    internal override Value Apply(LayerBuilder layers, Value x)
    {
        var op = layers.Op;

        // The parts form one sequence, so that the number of a part depends on which are there.
        var part = 0;
        if (UpscaleLayers > 0)
        {
            for (var i = 0; i < UpscaleLayers; i++)
            {
                var channels = layers.Channels(x);
                x = op.DepthToSpace(layers.Convolution($"head.{part}.{i}.conv", x, 4 * channels, 3, 1), 2);
                x = op.Relu(layers.BatchNormalization($"head.{part}.{i}.bn", x));
            }

            part++;
        }

        if (Channels.Count > 0)
        {
            for (var i = 0; i < Channels.Count; i++)
            {
                x = layers.Convolution($"head.{part}.{i}.0", x, Channels[i], 3, 1, bias: false);
                x = op.Relu(layers.BatchNormalization($"head.{part}.{i}.1", x));
            }

            part++;
        }

        x = layers.Convolution($"head.{part + 1}", layers.Dropout(x, Dropout, wholeChannels: true), Values, 1);
        return FinalActivation is null ? x : FinalActivation.Apply(op, x);
    }
}
