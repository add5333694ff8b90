using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Composition;

/// <summary>What turns an encoder's features into a prediction for each class and pixel. All of it is trained.</summary>
public abstract record TaskHead
{
    private protected TaskHead()
    {
    }

    /// <summary>Channels of the prediction: one a class, or 1 for a measured value.</summary>
    public required int Classes
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Classes), value, "A prediction needs at least one channel.");
    }

    /// <summary>Seed of the random initial values.</summary>
    public long Seed { get; init; }

    /// <summary>Appends the head; returns [batch, classes, rows, columns], of any size.</summary>
    internal abstract Value Build(HeadBuilder head);
}

/// <summary>One linear map a token, then bilinear interpolation to the image: the plainest head, for linear probing.</summary>
public sealed record LinearHead : TaskHead
{
    internal override Value Build(HeadBuilder head)
    {
        var op = head.Op;
        var tokens = head.Tokens(head.Features[^1]);
        var width = head.Features[^1].Manifest.Channels;
        using var scope = op.Scope("head");
        var weight = head.Uniform("head.weight", [Classes, width], 1 / Math.Sqrt(width));
        var bias = head.Uniform("head.bias", [Classes], 1 / Math.Sqrt(width));
        return head.Map(op.Add(op.MatMul(tokens, op.Transpose(weight, 1, 0)), bias), head.Features[^1], Classes);
    }
}

/// <summary>A small convolutional decoder: a 1×1 convolution to <see cref="Channels"/>, then <see cref="Stages"/> times doubling of
/// the resolution, 3×3 convolution and ReLU, and a 1×1 convolution to the classes.</summary>
public sealed record ConvolutionalDecoder : TaskHead
{
    /// <summary>Channels of the first stage; each later stage has half.</summary>
    public int Channels
    {
        get;
        init => field = value >= 4 ? value : throw new ArgumentOutOfRangeException(nameof(Channels), value, "The decoder needs at least 4 channels; 64 to 256 is usual.");
    } = 64;

    /// <summary>How often the resolution doubles.</summary>
    public int Stages
    {
        get;
        init => field = value is >= 0 and <= 5 ? value : throw new ArgumentOutOfRangeException(nameof(Stages), value, "The decoder can double the resolution 0 to 5 times.");
    } = 2;

    internal override Value Build(HeadBuilder head)
    {
        var op = head.Op;
        var feature = head.Features[^1];
        var map = head.Map(head.Tokens(feature), feature, feature.Manifest.Channels);
        var (rows, columns, channels) = ((long)feature.Manifest.GridHeight, (long)feature.Manifest.GridWidth, Channels);
        map = head.Convolution("decoder.project", map, feature.Manifest.Channels, channels, 1);
        for (var stage = 0; stage < Stages; stage++)
        {
            (rows, columns) = (2 * rows, 2 * columns);
            var next = Math.Max(4, channels / 2);
            map = op.Relu(head.Convolution($"decoder.stages.{stage}", op.Resize(map, rows, columns, "linear"), channels, next, 3));
            channels = next;
        }

        return head.Convolution("head", map, channels, Classes, 1);
    }
}

/// <summary>An encoder's feature output.</summary>
/// <param name="Value">[batch, prefix + N, channels] or [batch, channels, rows, columns].</param>
/// <param name="Manifest">Its description.</param>
internal sealed record EncoderFeature(Value Value, ManifestFeature Manifest);

/// <summary>What a head is built with.</summary>
internal sealed class HeadBuilder(GraphBuilder op, IReadOnlyList<EncoderFeature> features, long seed)
{
    private readonly List<TrainableTensor> _trainables = [];

    public GraphBuilder Op { get; } = op;

    public IReadOnlyList<EncoderFeature> Features { get; } = features;

    public IReadOnlyList<TrainableTensor> Trainables => _trainables;

    /// <summary>A trainable tensor, U(−bound, bound) at first.</summary>
    public Value Uniform(string name, long[] shape, double bound) => Add(name, RandomTensors.Uniform(seed, name, shape, bound));

    public Value Add(string name, TensorData initial)
    {
        _trainables.Add(new TrainableTensor(name, name));
        return Op.OverridableInput(name, initial);
    }

    /// <summary>A convolution with bias that keeps the size, initialised as PyTorch does: U(−1/√fan_in, 1/√fan_in).</summary>
    public Value Convolution(string path, Value x, long channels, long outputs, long kernel)
    {
        using var scope = Op.Scope(path);
        var bound = 1 / Math.Sqrt(channels * kernel * kernel);
        var weight = Uniform($"{path}.weight", [outputs, channels, kernel, kernel], bound);
        var bias = Uniform($"{path}.bias", [outputs], bound);
        var pad = kernel / 2;
        return Op.Conv(x, weight, bias, [1, 1], [pad, pad, pad, pad]);
    }

    /// <summary>[batch, N, channels] without the prefix tokens.</summary>
    public Value Tokens(EncoderFeature feature)
    {
        var (manifest, x) = (feature.Manifest, feature.Value);
        return manifest.Kind switch
        {
            "tokens" => manifest.PrefixTokens == 0 ? x : Op.Slice(x, 1, manifest.PrefixTokens, long.MaxValue),
            "map" => Op.Transpose(Op.Reshape(x, 0, manifest.Channels, -1), 0, 2, 1),
            _ => throw new TrainingException($"Feature {manifest.Output} is of kind '{manifest.Kind}'; tokens and map are known."),
        };
    }

    /// <summary>[batch, N, channels] as [batch, channels, rows, columns].</summary>
    public Value Map(Value tokens, EncoderFeature feature, long channels) =>
        Op.Reshape(Op.Transpose(tokens, 0, 2, 1), 0, channels, feature.Manifest.GridHeight, feature.Manifest.GridWidth);
}
