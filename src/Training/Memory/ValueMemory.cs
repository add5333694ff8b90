using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Memory;

/// <summary>
/// How much memory the intermediate values of a graph take when its nodes run in order: values that share bytes (reshaped ones, and
/// elementwise results that replace an operand that nobody reads any more) count once, as in ONNX Runtime.
/// </summary>
internal sealed class ValueMemory
{
    private static readonly HashSet<string> Aliases = ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"];

    private static readonly HashSet<string> InPlace =
    [
        "Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Erf", "Clip", "Relu", "Tanh", "Sigmoid", "Softplus", "Softmax", "Cast", "Where", "Min", "Max", "Pow", "Sum",
    ];

    private readonly IReadOnlyList<Node> _nodes;
    private readonly Dictionary<Value, Value> _root = [];
    private readonly Dictionary<Value, int> _lastUse = [];
    private readonly long _batch;

    private ValueMemory(Graph graph, long batch)
    {
        (_nodes, _batch) = (graph.Nodes, batch);
        for (var i = 0; i < _nodes.Count; i++)
        {
            if (Aliases.Contains(_nodes[i].OpType))
            {
                _root[_nodes[i].Output] = RootOf(_nodes[i].Input(0));
            }
        }

        for (var i = 0; i < _nodes.Count; i++)
        {
            foreach (var input in _nodes[i].Inputs.OfType<Value>())
            {
                _lastUse[RootOf(input)] = i;
            }
        }
    }

    /// <summary>Bytes of all intermediate values at the worst moment.</summary>
    /// <param name="model">A sorted model; it is not changed.</param>
    /// <param name="batch">Samples that go through together.</param>
    public static long Peak(OnnxModel model, long batch) => new ValueMemory(Bound(model, batch), batch).Peak([.. model.Graph.Outputs.Select(output => output.Name)]);

    /// <summary>Bytes of the named values.</summary>
    public static long Of(OnnxModel model, IEnumerable<string> names, long batch)
    {
        var wanted = names.ToHashSet(StringComparer.Ordinal);
        var memory = new ValueMemory(Bound(model, batch), batch);
        return memory._nodes.SelectMany(node => node.Outputs.OfType<Value>()).Where(value => wanted.Contains(value.Name)).Select(memory.RootOf).Distinct().Sum(memory.Bytes);
    }

    /// <summary>Bytes and shape of the largest floating-point value.</summary>
    public static (long Bytes, IReadOnlyList<long> Shape) Largest(OnnxModel model, long batch)
    {
        var memory = new ValueMemory(Bound(model, batch), batch);
        var largest = memory._nodes.SelectMany(node => node.Outputs.OfType<Value>()).Where(value => value.Shape is not null && value.Type == ElementType.Float).MaxBy(memory.Bytes);
        return largest is null ? (0, []) : (memory.Bytes(largest), [.. largest.KnownShape.Select(dim => dim.Value ?? batch)]);
    }

    /// <summary>A copy in which the batch of the data inputs is a number.</summary>
    private static Graph Bound(OnnxModel model, long batch)
    {
        var graph = model.Graph.Clone();
        foreach (var symbol in graph.Inputs.Where(input => input is { Data: null, Shape.Rank: > 0 }).Select(input => input.KnownShape[0].Symbol).OfType<string>().Distinct().ToList())
        {
            graph.Bind(symbol, batch);
        }

        return graph;
    }

    private long Peak(HashSet<string> outputs)
    {
        var (live, peak) = (0L, 0L);
        var owned = new Dictionary<Value, long>();   // bytes by root; a root that took over another's bytes owns them
        for (var i = 0; i < _nodes.Count; i++)
        {
            var node = _nodes[i];
            var free = node.Inputs.OfType<Value>().Select(RootOf).Where(root => _lastUse[root] == i && owned.ContainsKey(root)).Distinct().ToList();
            foreach (var output in node.Outputs.OfType<Value>().Where(output => RootOf(output) == output && !outputs.Contains(output.Name)))
            {
                var bytes = Bytes(output);
                var taken = InPlace.Contains(node.OpType) ? free.Find(root => owned[root] == bytes) : null;
                if (taken is not null)
                {
                    owned.Remove(taken);
                    free.Remove(taken);
                }
                else
                {
                    live += bytes;
                }

                owned[output] = bytes;
            }

            peak = Math.Max(peak, live);
            foreach (var root in free.Concat(node.Outputs.OfType<Value>().Where(output => owned.ContainsKey(output) && !_lastUse.ContainsKey(output))))
            {
                live -= owned[root];
                owned.Remove(root);
            }
        }

        return peak;
    }

    private Value RootOf(Value value) => _root.GetValueOrDefault(value, value);

    // An extent that stayed unknown is the batch: nothing else changes from run to run.
    private long Bytes(Value value) => value.Shape is null || value.Type == ElementType.Undefined ? 0
        : value.KnownShape.Aggregate((long)value.Type.SizeInBytes(), (product, dim) => checked(product * (dim.Value ?? _batch)));
}
