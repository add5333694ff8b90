using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;

namespace EoOnnx.Decoders.Tests.Golden;

/// <summary>A case of golden/training/decoders: the part under test, its tensors, its inputs and what the reference made of them.</summary>
/// <remarks>The name of the folder says which part it is; every size comes from the tensors, every option from the sentence in run.json.</remarks>
internal sealed class DecoderCase
{
    private readonly string _name;
    private readonly string _settings;
    private readonly IReadOnlyDictionary<string, TensorData> _weights;
    private readonly Dictionary<string, TensorData> _trained;

    private DecoderCase(string name)
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Golden, "training", "decoders", name));
        using var run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        _name = name;
        _settings = run.RootElement.GetProperty("settings").GetString()!;
        _weights = SafetensorsFile.Open(Path.Combine(folder, "state_dict.safetensors")).Tensors;
        Run = SafetensorsFile.Open(Path.Combine(folder, "run.safetensors")).Tensors;
        _trained = new Dictionary<string, TensorData>(_weights.Where(item => !item.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)));
    }

    /// <summary>All case names.</summary>
    public static IEnumerable<string> Names => SharedData.Cases("training", "decoders").DefaultIfEmpty("absent");

    /// <summary>Inputs, outputs, probes and gradients.</summary>
    public IReadOnlyDictionary<string, TensorData> Run { get; }

    public IReadOnlyList<TensorData> Inputs => Series("input");

    public static DecoderCase Open(string name) => new(name);

    /// <summary>The numbered tensors below a name, in order.</summary>
    public IReadOnlyList<TensorData> Series(string name) =>
        [.. Enumerable.Range(0, int.MaxValue).Select(i => Run.GetValueOrDefault($"{name}.{i}")).TakeWhile(tensor => tensor is not null)!];

    /// <summary>Builds the part with the case's tensors; its inputs are named input.0 and so on, its outputs output.0 and so on.</summary>
    /// <returns>The builder, for the names of parameters and buffers, and the outputs.</returns>
    public (LayerBuilder Layers, IReadOnlyList<Value> Inputs, IReadOnlyList<Value> Outputs) Build(LayerUse use)
    {
        var op = new GraphBuilder(_name);
        var inputs = Inputs.Select((tensor, i) => op.Input($"input.{i}", ElementType.Float, TensorShape.Of(tensor.Shape.AsSpan()))).ToList();
        var layers = new LayerBuilder(op, (name, _, _) => _trained.TryGetValue(name, out var tensor) ? tensor : throw new FileFormatException($"{_name} has no tensor {name}."), use);
        return (layers, inputs, Outputs(layers, inputs));
    }

    private IReadOnlyList<Value> Outputs(LayerBuilder layers, List<Value> inputs) => _name switch
    {
        "pixelwise_model_padded" => [PaddedModel(layers, inputs[0])],
        _ when _name.StartsWith("neck_", StringComparison.Ordinal) => Neck().Apply(layers, inputs, layers.Op.Input("image", ElementType.Float, TensorShape.Of([1, 1, .. Pair("image_size", [1, 1])]))),
        _ when _name.Contains("_head", StringComparison.Ordinal) => [Head().Apply(layers, inputs[0])],
        _ => [Decoder().Decode(layers, inputs)],
    };

    private Neck Neck() => _name[5..] switch
    {
        "add_bottleneck" => new AddBottleneckLayer(),
        "aggregate_mean" => new AggregateTokens { DropClassToken = Flag("drop_cls") },
        "interpolate_bilinear" => new InterpolateToPyramidal { Factor = Numbers("scale_factor")[0], Bilinear = true },
        "interpolate_nearest" => new InterpolateToPyramidal { Factor = Numbers("scale_factor")[0] },
        "learned_interpolate" => new LearnedInterpolateToPyramidal(),
        "maxpool" => new MaxpoolToPyramidal { Kernel = Numbers("kernel_size")[0] },
        "tokens_to_image" or "tokens_to_image_time" => new ReshapeTokensToImage
        {
            RemoveClassToken = Flag("remove_cls_token"),
            Frames = Numbers("effective_time_dim") is [var frames, ..] ? frames : 1,
        },
        var other => throw new NotSupportedException($"The neck {other} is not known to this test."),
    };

    private Head Head() => _name switch
    {
        "segmentation_head" => new SegmentationHead { Classes = Extent("head.2.weight"), Channels = Widths("head.0.{0}.0.weight") },
        "regression_head" => new RegressionHead
        {
            Values = (int)Run["output.eval.0"].Shape[1], Channels = Widths("head.1.{0}.0.weight"), UpscaleLayers = Widths("head.0.{0}.conv.weight").Count,
        },
        "scalar_head" or "scalar_head_pool_first" => new ScalarHead
        {
            Classes = Extent("head.2.weight"), Widths = Widths("head.0.{0}.0.weight"), PoolFirst = Flag("linear_after_pool"),
        },
        var other => throw new NotSupportedException($"The head {other} is not known to this test."),
    };

    private Decoder Decoder() => _name switch
    {
        "aspp" => new AsppDecoder { Channels = Extent("bottleneck.conv.weight"), Dilations = Numbers("dilations"), AlignCorners = Flag("align_corners") },
        "fcn" => new FcnDecoder { Channels = Extent("convs.0.0.bias"), Blocks = Widths("convs.{0}.0.bias").Count },
        "identity" => new IdentityDecoder { Index = Numbers("out_index")[0] },
        "linear" => new LinearDecoder { Upsampling = Extent("conv.weight", 2), Classes = Extent("conv.bias") },
        "mlp" => new MlpDecoder(),
        "unet" => new UNetDecoder { Channels = Widths("decoder.blocks.{0}.conv1.0.weight") },
        "unet_no_norm_scse" => new UNetDecoder { Channels = Widths("decoder.blocks.{0}.conv1.0.weight"), Norm = ConvolutionNorm.None, Attention = true },
        "upernet" or "upernet_scale_modules" => new UperNetDecoder
        {
            Channels = Extent("bottleneck.conv.weight"), AlignCorners = Flag("align_corners"), ScaleModules = Flag("scale_modules"),
            PoolScales = Numbers("pool_scales") is { Count: > 0 } scales ? scales : [1, 2, 3, 6],
        },
        var other => throw new NotSupportedException($"The decoder {other} is not known to this test."),
    };

    /// <summary>The whole model of the case. Its encoder is one patch convolution; the four features are its tokens times 1, ½, 2 and 1½.</summary>
    private Value PaddedModel(LayerBuilder layers, Value image)
    {
        var op = layers.Op;
        var patch = Extent("encoder.proj.weight", 2);
        var padded = ImagePadding.ForPatch(patch).Pad(op, image);
        var (kernel, bias) = (_weights["encoder.proj.weight"], _weights["encoder.proj.bias"]);
        var weight = layers.Parameter("encoder.proj.weight", kernel.Shape.AsSpan(), Initialization.Zero);
        var map = op.Conv(padded, weight, layers.Parameter("encoder.proj.bias", bias.Shape.AsSpan(), Initialization.Zero), [patch, patch], [0, 0, 0, 0]);
        var tokens = op.Transpose(op.Reshape(map, 0, kernel.Shape[0], -1), 0, 2, 1);
        var decoder = new UNetDecoder
        {
            Necks = [new ReshapeTokensToImage { RemoveClassToken = false }, new LearnedInterpolateToPyramidal()],
            Channels = Widths("decoder.decoder.blocks.{0}.conv1.0.weight"),
            Classes = Extent("head.head.2.weight"),
        };
        return ImagePadding.Crop(op, decoder.Build(layers, [tokens, op.Mul(tokens, 0.5), op.Mul(tokens, 2), op.Mul(tokens, 1.5)], padded), image);
    }

    private int Extent(string name, int axis = 0) => checked((int)_weights[name].Shape[axis]);

    private IReadOnlyList<int> Widths(string pattern) =>
        [.. Enumerable.Range(0, 100).Select(i => string.Format(CultureInfo.InvariantCulture, pattern, i)).TakeWhile(_weights.ContainsKey).Select(name => Extent(name))];

    private bool Flag(string name) => Regex.IsMatch(_settings, $@"\b{name} True") || (name == "align_corners" && !_settings.Contains(name, StringComparison.Ordinal));

    private IReadOnlyList<int> Numbers(string name) => Regex.Match(_settings, $@"\b{name} \(?(-?\d+(?:, ?-?\d+)*)\)?") is { Success: true } match
        ? [.. match.Groups[1].Value.Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))]
        : [];

    private long[] Pair(string name, long[] otherwise) => Numbers(name) is [var height, var width] ? [height, width] : otherwise;
}
