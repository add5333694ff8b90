using System.Text.Json;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;

namespace EoOnnx.Decoders.Tests.Golden;

/// <summary>A case of golden/training/decoders: the part under test, its tensors, its inputs and what the reference made of them.</summary>
/// <remarks>Which part it is, and its sizes, come from the tensors; options that they do not tell from the sentence in run.json (<see cref="DecoderPart"/>).</remarks>
internal sealed class DecoderCase
{
    private readonly string _name;
    private readonly DecoderPart _part;
    private readonly IReadOnlyDictionary<string, TensorData> _weights;
    private readonly Dictionary<string, TensorData> _trained;

    private DecoderCase(string name)
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Golden, "training", "decoders", name));
        using var run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        _name = name;
        _weights = SafetensorsFile.Open(Path.Combine(folder, "state_dict.safetensors")).Tensors;
        Run = SafetensorsFile.Open(Path.Combine(folder, "run.safetensors")).Tensors;
        _part = new DecoderPart(new DecoderSettings(run.RootElement.GetProperty("settings").GetString()!), _weights, Inputs, Series("output.eval"));
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

    private IReadOnlyList<Value> Outputs(LayerBuilder layers, List<Value> inputs) => _part.Has("encoder.proj.weight") ? [PaddedModel(layers, inputs[0])]
        : _part.Neck() is { } neck ? neck.Apply(layers, inputs, layers.Op.Input("image", ElementType.Float, TensorShape.Of([1, 1, _part.Image.Height, _part.Image.Width])))
        : _part.Head() is { } head ? [head.Apply(layers, inputs[0])]
        : [_part.Decoder().Decode(layers, inputs)];

    /// <summary>The whole model of the case. Its encoder is one patch convolution; the four features are its tokens times 1, ½, 2 and 1½.</summary>
    private Value PaddedModel(LayerBuilder layers, Value image)
    {
        var op = layers.Op;
        var patch = _part.Extent("encoder.proj.weight", 2);
        var padded = ImagePadding.ForPatch(patch).Pad(op, image);
        var (kernel, bias) = (_weights["encoder.proj.weight"], _weights["encoder.proj.bias"]);
        var weight = layers.Parameter("encoder.proj.weight", kernel.Shape.AsSpan(), Initialization.Zero);
        var map = op.Conv(padded, weight, layers.Parameter("encoder.proj.bias", bias.Shape.AsSpan(), Initialization.Zero), [patch, patch], [0, 0, 0, 0]);
        var tokens = op.Transpose(op.Reshape(map, 0, kernel.Shape[0], -1), 0, 2, 1);
        var decoder = new UNetDecoder
        {
            Necks = [new ReshapeTokensToImage { RemoveClassToken = false }, new LearnedInterpolateToPyramidal()],
            Channels = _part.Widths("decoder.decoder.blocks.{0}.conv1.0.weight"),
            Classes = _part.Extent("head.head.2.weight"),
        };
        return ImagePadding.Crop(op, decoder.Build(layers, [tokens, op.Mul(tokens, 0.5), op.Mul(tokens, 2), op.Mul(tokens, 1.5)], padded), image);
    }
}
