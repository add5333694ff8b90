using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>What normalises the output of a convolution.</summary>
public sealed record ConvolutionNorm
{
    private ConvolutionNorm(string kind, double epsilon, double momentum) => (Kind, Epsilon, Momentum) = (kind, epsilon, momentum);

    /// <summary><c>batchnorm</c>, <c>identity</c>, <c>layernorm</c> or <c>instancenorm</c>, as the reference calls them.</summary>
    public string Kind { get; }

    /// <summary>Added to the variance.</summary>
    public double Epsilon { get; }

    /// <summary>Weight of the newest batch in the running statistics.</summary>
    public double Momentum { get; }

    /// <summary>True when nothing is normalised: the convolution then has a bias.</summary>
    public bool IsNone => Kind == "identity";

    /// <summary>Over batch and space.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An epsilon that is not positive or a momentum outside 0 to 1.</exception>
    public static ConvolutionNorm Batch(double epsilon = 1e-5, double momentum = 0.1)
    {
        Check(epsilon);
        return momentum is >= 0 and <= 1 ? new ConvolutionNorm("batchnorm", epsilon, momentum)
            : throw new ArgumentOutOfRangeException(nameof(momentum), momentum, "BatchNorm's momentum must be 0 to 1.");
    }

    /// <summary>Nothing.</summary>
    public static ConvolutionNorm None { get; } = new("identity", 0, 0);

    /// <summary>Over the last axis, the columns: what the reference's <c>layernorm</c> does to a map, which must then be as wide as it has channels.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An epsilon that is not positive.</exception>
    public static ConvolutionNorm Layer(double epsilon = 1e-5)
    {
        Check(epsilon);
        return new("layernorm", epsilon, 0);
    }

    /// <summary>Over space, with one factor and addend a channel.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An epsilon that is not positive.</exception>
    public static ConvolutionNorm Instance(double epsilon = 1e-5)
    {
        Check(epsilon);
        return new("instancenorm", epsilon, 0);
    }

    internal Value Apply(LayerBuilder layers, string name, Value x)
    {
        switch (Kind)
        {
            case "batchnorm":
                return layers.BatchNormalization(name, x, (float)Epsilon, Momentum);
            case "instancenorm":
                return layers.InstanceNormalization(name, x, (float)Epsilon);
            case "layernorm":
                return x.KnownShape[-1].Value == layers.Channels(x) ? layers.LayerNormalization(name, x, (float)Epsilon) : throw new DecoderException(
                    $"The norm 'layernorm' works on the columns of a map and has one factor a channel, so both numbers must agree; the map is {x.KnownShape}. Use batchnorm or instancenorm.");
            default:
                return x;
        }
    }

    private static void Check(double epsilon)
    {
        if (!(epsilon > 0))
        {
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "A norm's epsilon must be above 0; 1e-5 is usual.");
        }
    }
}
