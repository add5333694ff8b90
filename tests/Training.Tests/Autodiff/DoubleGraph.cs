using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Tests.Autodiff;

/// <summary>
/// A graph computed in double precision: the same nodes, with what ONNX Runtime has in single precision only (Conv, Gelu, Erf) written with other
/// operators. Values that the backward pass takes as constants keep what they had at the first run, so that finite differences see constants too.
/// </summary>
internal sealed class DoubleGraph : IDisposable
{
    private const string HeldPrefix = "held.";

    private readonly InferenceSession _free;
    private readonly InferenceSession? _holding;
    private Dictionary<string, TensorData>? _held;

    /// <param name="model">Floats in single precision; inputs with a default must be given too.</param>
    /// <param name="output">Name of the output that is computed.</param>
    public DoubleGraph(OnnxModel model, string output)
    {
        using var options = Ort.Quiet;
        var free = Rewrite(model, output, hold: false);
        _free = new InferenceSession(free.ToBytes(), options);
        _holding = free.Graph.Outputs.Count > 1 ? new InferenceSession(Rewrite(model, output, hold: true).ToBytes(), options) : null;
    }

    /// <summary>The output for inputs of either precision.</summary>
    public double[] Run(IEnumerable<(string Name, TensorData Data)> inputs)
    {
        var all = inputs.Select(input => (input.Name, input.Data.Type == ElementType.Float ? Doubled(input.Data) : input.Data)).ToList();
        if (_holding is null || _held is null)
        {
            var results = Ort.Run(_free, [.. all]);
            _held = results.Where(item => item.Key.StartsWith(HeldPrefix, StringComparison.Ordinal)).ToDictionary();
            return results.Single(item => !_held.ContainsKey(item.Key)).Value.AsSpan<double>().ToArray();
        }

        return Ort.Run(_holding, [.. all, .. _held.Select(item => (item.Key, item.Value))]).Single().Value.AsSpan<double>().ToArray();
    }

    public void Dispose()
    {
        _free.Dispose();
        _holding?.Dispose();
    }

    private static TensorData Doubled(TensorData data) => TensorData.FromValues<double>(data.Shape.AsSpan(), Array.ConvertAll(data.ToSingles(), value => (double)value));

    private static OnnxModel Rewrite(OnnxModel model, string output, bool hold)
    {
        var graph = model.Clone().Graph;
        graph.SetOutputs(graph.FindOutput(output)!);
        graph.RemoveUnused();
        graph.Sort();
        var op = new GraphBuilder("double");
        var map = new Dictionary<Value, Value>();
        foreach (var input in graph.Inputs)
        {
            map[input] = op.Input(input.Name, input.Type == ElementType.Float ? ElementType.Double : input.Type, input.KnownShape);
        }

        var held = new List<(Value Value, string Name)>();
        foreach (var node in graph.Nodes)
        {
            Value?[] inputs = [.. node.Inputs.Select(Mapped)];
            if (StopGradient.Marks(node))
            {
                var name = $"{HeldPrefix}{held.Count}";
                held.Add((inputs[0]!, name));
                map[node.Output] = hold ? op.Input(name, ElementType.Double, inputs[0]!.KnownShape) : op.Identity(inputs[0]!);
                continue;
            }

            var outputs = InDouble(op, node, inputs);
            foreach (var (old, made) in node.Outputs.Zip(outputs))
            {
                if (old is not null)
                {
                    map[old] = made;
                }
            }
        }

        op.Output(map[graph.Outputs.Single()], "double");
        foreach (var (value, name) in hold ? [] : held)
        {
            op.Output(op.Identity(value), name);
        }

        var result = new OnnxModel(op.Graph) { IrVersion = model.IrVersion };
        foreach (var (domain, version) in model.Opsets)
        {
            result.Opsets[domain] = version;
        }

        op.Graph.RemoveUnused();
        return result;

        Value? Mapped(Value? value) => value is null ? null : map.TryGetValue(value, out var known) ? known
            : map[value] = op.Constant(value.Data!.Type == ElementType.Float ? Doubled(value.Data) : value.Data);
    }

    private static IReadOnlyList<Value> InDouble(GraphBuilder op, Node node, Value?[] inputs) => (node.Domain, node.OpType) switch
    {
        ("", "Conv") => [Convolution(op, node, inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2))],
        ("", "Erf") => [Erf(op, inputs[0]!)],
        ("", "Gelu") when node.Text("approximate", "none") == "none" => [Gelu(op, inputs[0]!)],
        ("com.microsoft", "Gelu") => [Gelu(op, inputs[0]!)],
        ("", "Cast") when node.Int("to", 0) == (long)ElementType.Float => [op.Cast(inputs[0]!, ElementType.Double)],
        ("", "ConstantOfShape") => [op.Filled(inputs[0]!, 0, ElementType.Double)],
        _ => op.Nodes(node.Domain, node.OpType, inputs, node.Outputs.Count, [.. node.Attributes.Select(attribute => (attribute.Key, attribute.Value))]),
    };

    private static Value Gelu(GraphBuilder op, Value x) => op.Mul(op.Mul(x, 0.5), op.Add(Erf(op, op.Mul(x, 1 / Math.Sqrt(2))), 1));

    /// <summary>erf x = 2x/√π · ∫₀¹ exp(−(xt)²) dt by Simpson's rule.</summary>
    private static Value Erf(GraphBuilder op, Value x)
    {
        const int Steps = 128;
        double[] points = [.. Enumerable.Range(0, Steps + 1).Select(i => (double)i / Steps)];
        double[] weights = [.. Enumerable.Range(0, Steps + 1).Select(i => (i is 0 or Steps ? 1.0 : i % 2 == 1 ? 4 : 2) / (3 * Steps))];
        var scaled = op.Mul(op.Unsqueeze(x, -1), op.Constant(TensorData.FromValues<double>([Steps + 1], points)));
        var integral = op.MatMul(op.Exp(op.Neg(op.Mul(scaled, scaled))), op.Constant(TensorData.FromValues<double>([Steps + 1], weights)));
        return op.Mul(op.Mul(x, 2 / Math.Sqrt(Math.PI)), integral);
    }

    /// <summary>A sum over kernel positions of shifted inputs times a matrix; one group.</summary>
    private static Value Convolution(GraphBuilder op, Node node, Value x, Value weight, Value? bias)
    {
        var axes = x.Rank - 2;
        long[] kernel = [.. weight.KnownShape.Skip(2).Select(extent => extent.Value!.Value)];
        var strides = node.Ints("strides") ?? [.. Enumerable.Repeat(1L, axes)];
        var dilations = node.Ints("dilations") ?? [.. Enumerable.Repeat(1L, axes)];
        var pads = node.Ints("pads") ?? new long[2 * axes];
        Assert.Equal(1, node.Int("group", 1));
        var padded = pads.All(pad => pad == 0) ? x : op.Pad(x, [0, 0, .. pads[..axes], 0, 0, .. pads[axes..]]);
        long[] last = [.. Enumerable.Range(0, axes).Select(axis => (padded.KnownShape[axis + 2].Value!.Value - (dilations[axis] * (kernel[axis] - 1)) - 1) / strides[axis])];
        long[] channelsLast = [0, .. Enumerable.Range(2, axes).Select(axis => (long)axis), 1], channelsSecond = [0, axes + 1, .. Enumerable.Range(1, axes).Select(axis => (long)axis)];
        Value? sum = null;
        for (var position = 0L; position < kernel.Aggregate(1L, (a, b) => a * b); position++)
        {
            var (rest, part, matrix) = (position, padded, weight);
            for (var axis = axes - 1; axis >= 0; axis--)
            {
                var at = rest % kernel[axis];
                rest /= kernel[axis];
                part = op.Slice(part, axis + 2, at * dilations[axis], (at * dilations[axis]) + (last[axis] * strides[axis]) + 1, strides[axis]);
                matrix = op.Slice(matrix, axis + 2, at, at + 1);
            }

            var product = op.MatMul(op.Transpose(part, channelsLast), op.Transpose(op.Squeeze(matrix, channelsLast.AsSpan(1, axes)), 1, 0));
            sum = sum is null ? product : op.Add(sum, product);
        }

        return op.Transpose(bias is null ? sum! : op.Add(sum!, bias), channelsSecond);
    }
}
