using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>
/// Appends layers to a graph: the operators, and their tensors under the names that the reference implementation gives them.
/// Maps are [batch, channels, rows, columns].
/// </summary>
/// <param name="op">Builder of the graph.</param>
/// <param name="tensors">Where the tensors' content comes from.</param>
/// <param name="use">What the graph is for.</param>
/// <param name="seed">Seed of dropout.</param>
public sealed class LayerBuilder(GraphBuilder op, TensorSource tensors, LayerUse use, long seed = 0)
{
    private readonly List<string> _parameters = [];
    private readonly List<(string Name, Value Next)> _buffers = [];
    private readonly Dropout _dropout = new(op, seed);
    private string _path = "";

    /// <summary>Builder of the graph.</summary>
    public GraphBuilder Op { get; } = op;

    /// <summary>What the graph is for.</summary>
    public LayerUse Use { get; } = use;

    /// <summary>Names of the trainable tensors so far, in order; empty when the use is <see cref="LayerUse.Fixed"/>.</summary>
    public IReadOnlyList<string> Parameters => _parameters;

    /// <summary>Tensors that a training graph changes without a gradient (running statistics, the dropout counter): name of the input,
    /// and the value it has after the step.</summary>
    public IReadOnlyList<(string Name, Value Next)> Buffers => _buffers;

    /// <summary>Samples that a training batch needs: 2 when a BatchNorm sees one value per channel and sample, else 1.</summary>
    public int SmallestBatch { get; private set; } = 1;

    /// <summary>Puts <paramref name="path"/> before the names of tensors and nodes made until disposal.</summary>
    public IDisposable Below(string path)
    {
        var outer = _path;
        _path = Full(path);
        return new PathEnd(this, outer, Op.Scope(path));
    }

    /// <summary>A trainable tensor.</summary>
    public Value Parameter(string name, ReadOnlySpan<long> shape, Initialization initialization)
    {
        var value = Tensor(name, shape, initialization);
        if (Use != LayerUse.Fixed)
        {
            _parameters.Add(value.Name);
        }

        return value;
    }

    /// <summary>A convolution with stride 1: weight [outputs, channels, kernel, kernel] under <c>NAME.weight</c>, bias under <c>NAME.bias</c>.</summary>
    public Value Convolution(string name, Value x, long outputs, long kernel, long padding = 0, long dilation = 1, bool bias = true, Initialization? weights = null)
    {
        var channels = Channels(x);
        var standard = Initialization.Standard(channels * kernel * kernel);
        var weight = Parameter($"{name}.weight", [outputs, channels, kernel, kernel], weights ?? standard);
        var addend = bias ? Parameter($"{name}.bias", [outputs], weights is null ? standard : Initialization.Zero) : null;
        return Op.Conv(x, weight, addend, [1, 1], [padding, padding, padding, padding], [dilation, dilation]);
    }

    /// <summary>A transposed convolution whose stride is its kernel: every pixel paints a block. Weight [channels, outputs, kernel, kernel].</summary>
    public Value TransposedConvolution(string name, Value x, long outputs, long kernel)
    {
        // PyTorch counts the fan of a transposed convolution by axis 1 of its weight: the outputs.
        var standard = Initialization.Standard(outputs * kernel * kernel);
        var weight = Parameter($"{name}.weight", [Channels(x), outputs, kernel, kernel], standard);
        return Op.ConvTranspose(x, weight, Parameter($"{name}.bias", [outputs], standard), [kernel, kernel], [0, 0, 0, 0]);
    }

    /// <summary>x·Wᵀ + b over the last axis; the weight is [outputs, inputs].</summary>
    public Value Linear(string name, Value x, long outputs)
    {
        var inputs = x.KnownShape[-1].Value ?? throw new DecoderException($"{Full(name)} needs an input with a fixed last axis; it has {x.KnownShape}.");
        var standard = Initialization.Standard(inputs);
        var weight = Parameter($"{name}.weight", [outputs, inputs], standard);
        return Op.Linear(x, Op.Transpose(weight, 1, 0), Parameter($"{name}.bias", [outputs], standard));
    }

    /// <summary>Convolution without bias, BatchNorm and ReLU: <c>NAME.conv.weight</c>, <c>NAME.norm.*</c>.</summary>
    public Value ConvolutionModule(string name, Value x, long outputs, long kernel, long padding = 0, long dilation = 1)
    {
        using var scope = Below(name);
        return Op.Relu(BatchNormalization("norm", Convolution("conv", x, outputs, kernel, padding, dilation, bias: false)));
    }

    /// <summary>BatchNorm over batch and space, in the form that the use of the graph asks for.</summary>
    public Value BatchNormalization(string name, Value x, float epsilon = 1e-5f, double momentum = 0.1)
    {
        var channels = Channels(x);
        var scale = Parameter($"{name}.weight", [channels], Initialization.One);
        var bias = Parameter($"{name}.bias", [channels], Initialization.Zero);
        var mean = Tensor($"{name}.running_mean", [channels], Initialization.Zero);
        var variance = Tensor($"{name}.running_var", [channels], Initialization.One);
        if (Use != LayerUse.Training)
        {
            return Op.BatchNormalization(x, scale, bias, mean, variance, epsilon);
        }

        using var scope = Op.Scope(name);
        var statistics = BatchStatistics.Of(Op, x);
        if (x.KnownShape[-1].Value == 1 && x.KnownShape[-2].Value == 1)
        {
            SmallestBatch = 2;
        }

        _buffers.Add((mean.Name, statistics.Running(mean, statistics.Mean, momentum)));
        _buffers.Add((variance.Name, statistics.Running(variance, statistics.UnbiasedVariance, momentum)));
        var normalized = Op.Div(statistics.Centered, Op.Sqrt(Op.Add(statistics.Variance, epsilon)));
        return Op.Add(Op.Mul(normalized, Op.Reshape(scale, channels, 1, 1)), Op.Reshape(bias, channels, 1, 1));
    }

    /// <summary>Layer normalisation over the channels of each pixel.</summary>
    public Value ChannelNormalization(string name, Value x, float epsilon) =>
        Op.Transpose(LayerNormalization(name, Op.Transpose(x, 0, 2, 3, 1), epsilon), 0, 3, 1, 2);

    /// <summary>Layer normalisation over the last axis.</summary>
    public Value LayerNormalization(string name, Value x, float epsilon)
    {
        var width = x.KnownShape[-1].Value ?? throw new DecoderException($"{Full(name)} needs an input with a fixed last axis; it has {x.KnownShape}.");
        return Op.LayerNormalization(x, Parameter($"{name}.weight", [width], Initialization.One), Parameter($"{name}.bias", [width], Initialization.Zero), epsilon);
    }

    /// <summary>Normalises each channel of each sample over space, with one factor and addend a channel.</summary>
    public Value InstanceNormalization(string name, Value x, float epsilon)
    {
        var channels = Channels(x);
        return Op.Node("InstanceNormalization",
            [x, Parameter($"{name}.weight", [channels], Initialization.One), Parameter($"{name}.bias", [channels], Initialization.Zero)], ("epsilon", epsilon));
    }

    /// <summary>Zeroes elements, or whole channels, with <paramref name="probability"/> and divides the rest by 1 − probability. Nothing
    /// happens unless the graph trains.</summary>
    public Value Dropout(Value x, double probability, bool wholeChannels = false)
    {
        if (probability == 0 || Use != LayerUse.Training)
        {
            return x;
        }

        if (_dropout.Next is null)
        {
            _buffers.Add(_dropout.Start());
        }

        return _dropout.Apply(x, probability, wholeChannels);
    }

    /// <summary>Resamples a map to the rows and columns of another.</summary>
    public Value ResizeLike(Value x, Value like, string mode, bool alignCorners = false)
    {
        var (have, want) = (x.KnownShape, like.KnownShape);
        if (want[-2].Value is { } height && want[-1].Value is { } width)
        {
            return have[-2].Value == height && have[-1].Value == width ? x : Op.Resize(x, height, width, mode, alignCorners);
        }

        return Op.Resize(x, Op.Slice(Op.Shape(like), 0, -2, long.MaxValue), mode, alignCorners);
    }

    /// <summary>Resamples a map to <paramref name="factor"/> times its rows and columns.</summary>
    public Value Enlarge(Value x, long factor, string mode)
    {
        if (x.KnownShape[-2].Value is { } height && x.KnownShape[-1].Value is { } width)
        {
            return Op.Resize(x, checked(height * factor), checked(width * factor), mode);
        }

        return Op.Resize(x, Op.Mul(Op.Slice(Op.Shape(x), 0, -2, long.MaxValue), Op.Scalar(factor, ElementType.Int64)), mode);
    }

    /// <summary>The channels of a map.</summary>
    /// <exception cref="DecoderException">It is no map, or its channels are not fixed.</exception>
    public long Channels(Value map) => map.Rank == 4 && map.KnownShape[1].Value is { } channels ? channels : throw new DecoderException(
        $"{(_path.Length == 0 ? "The layer" : _path)} takes maps [batch, channels, rows, columns] with fixed channels; found {map.KnownShape}." +
        (map.Rank == 3 ? " Tokens become a map with the neck ReshapeTokensToImage." : ""));

    private Value Tensor(string name, ReadOnlySpan<long> shape, Initialization initialization)
    {
        var full = Full(name);
        var data = tensors(full, shape, initialization);
        if (!data.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new DecoderException($"{full} has the shape [{string.Join(", ", data.Shape)}]; expected [{string.Join(", ", shape.ToArray())}]. Is the decoder configured otherwise than its weights?");
        }

        data = data.Type == ElementType.Float ? data : TensorData.FromValues<float>(shape, data.ToSingles());
        return Use == LayerUse.Fixed ? Op.Initializer(full, data) : Op.OverridableInput(full, data);
    }

    private string Full(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    private sealed class PathEnd(LayerBuilder layers, string outer, IDisposable scope) : IDisposable
    {
        public void Dispose()
        {
            layers._path = outer;
            scope.Dispose();
        }
    }
}
