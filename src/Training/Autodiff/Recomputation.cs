using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>
/// Rewrites a graph with a backward pass so that chosen forward values are computed again where a gradient needs them. A copy of a
/// node that reads the same values as the node would be merged back by ONNX Runtime, or run early: so what a copied segment reads passes through
/// a <c>Reshape</c> whose shape depends on the arriving gradient. That is an alias, not a copy of the data, and the dependency is an integer that is
/// multiplied by zero, so that a NaN in the gradient cannot spread.
/// </summary>
internal sealed class Recomputation
{
    private const int LargestSegment = 48;

    /// <summary>A value is only recomputed when that frees at least this share of its bytes, after what must be kept for it.</summary>
    private const double LeastGain = 0.25;

    private static readonly HashSet<string> Cheap =
    [
        "Add", "Sub", "Mul", "Div", "Pow", "Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Erf", "Sin", "Cos", "Cast", "Clip", "Where", "Relu", "LeakyRelu", "Elu", "Tanh", "Sigmoid",
        "Softplus", "HardSigmoid", "HardSwish", "Gelu", "com.microsoft.Gelu", "com.microsoft.FastGelu", "com.microsoft.QuickGelu", "Softmax", "LogSoftmax", "LayerNormalization",
        "GroupNormalization", "InstanceNormalization", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Split", "Concat", "Slice", "Identity",
    ];

    private static readonly HashSet<string> Products = ["MatMul", "Gemm", "Conv", "com.microsoft.FusedMatMul"];

    private readonly GraphBuilder _op;
    private readonly BackwardTape _tape;
    private readonly Recompute _level;
    private readonly HashSet<Node> _forward;
    private readonly HashSet<Value> _ofData;
    private readonly Dictionary<Value, int> _firstUse = [];
    private readonly HashSet<Value> _saved;
    private readonly HashSet<Value> _again = [];
    private readonly Dictionary<Value, Value> _copies = [];
    private readonly Dictionary<Value, Value> _zeros = [];

    private Recomputation(GraphBuilder op, BackwardTape tape, Recompute level)
    {
        (_op, _tape, _level) = (op, tape, level);
        var nodes = op.Graph.Nodes;
        _forward = [.. nodes.Take(tape.ForwardNodes)];
        _ofData = [.. op.Graph.Inputs.Where(input => input.Data is null)];
        foreach (var node in nodes.Take(tape.ForwardNodes).Where(node => node.Inputs.Any(input => input is not null && _ofData.Contains(input))))
        {
            _ofData.UnionWith(node.Outputs.OfType<Value>());
        }

        for (var i = tape.ForwardNodes; i < nodes.Count; i++)
        {
            foreach (var input in nodes[i].Inputs.OfType<Value>().Where(input => input.Producer is { } producer && _forward.Contains(producer)))
            {
                _firstUse.TryAdd(input, i);
            }
        }

        _saved = [.. _firstUse.Keys];
    }

    /// <summary>Rewrites the graph; returns the forward values that are no longer kept.</summary>
    /// <param name="op">Builder of the graph; gradients have just been appended.</param>
    /// <param name="tape">What the walker did.</param>
    /// <param name="level">How much to recompute.</param>
    public static IReadOnlyCollection<Value> Apply(GraphBuilder op, BackwardTape tape, Recompute level)
    {
        if (level == Recompute.Nothing)
        {
            return [];
        }

        var rewriting = new Recomputation(op, tape, level);
        rewriting.Choose();
        rewriting.Rewrite();
        return rewriting._again;
    }

    private void Choose()
    {
        var candidates = _op.Graph.Nodes.Take(_tape.ForwardNodes).SelectMany(node => node.Outputs.OfType<Value>()).Where(value => _saved.Contains(value) && _ofData.Contains(value)).ToList();
        foreach (var value in candidates.Where(value => MayRepeat(value.Producer!) && value.Type.IsFloatingPoint()))
        {
            var (kept, nodes) = (new HashSet<Value>(), new HashSet<Node>());
            _saved.Remove(value);
            if (Trace(value, kept, nodes) && kept.Any(_ofData.Contains))
            {
                var more = kept.Where(leaf => _ofData.Contains(leaf) && !_saved.Contains(Root(leaf)) && !_saved.Contains(leaf)).Sum(Size);
                if (Size(value) - more >= LeastGain * Size(value) && !SharesMemory(value))
                {
                    _again.Add(value);
                    _saved.UnionWith(kept.Where(leaf => leaf.Producer is not null));
                    continue;
                }
            }

            _saved.Add(value);
        }
    }

    /// <summary>Collects the nodes that make a value again and the kept values that they read; false when there are too many.</summary>
    private bool Trace(Value value, HashSet<Value> kept, HashSet<Node> nodes)
    {
        var node = value.Producer!;
        if (!nodes.Add(node))
        {
            return true;
        }

        if (nodes.Count > LargestSegment)
        {
            return false;
        }

        foreach (var input in node.Inputs.OfType<Value>())
        {
            if (IsKept(input))
            {
                kept.Add(input);
            }
            else if (!Trace(input, kept, nodes))
            {
                return false;
            }
        }

        return true;
    }

    // What does not depend on the data (shapes, transposed weights) is small or constant, and stays.
    private bool IsKept(Value value) => value.Producer is null || !_ofData.Contains(value) || _saved.Contains(value) || !MayRepeat(value.Producer);

    private bool MayRepeat(Node node)
    {
        var key = VjpTable.Key(node);
        var ofData = node.Inputs.Count(input => input is not null && _ofData.Contains(input));
        return key switch
        {
            // The sum of two branches: making it again would mean to make both again, block after block.
            "Add" or "Sub" when ofData > 1 => false,
            // Attention scores are larger than each of their factors; what is mixed by them is smaller than they are.
            "MatMul" or "com.microsoft.FusedMatMul" when ofData > 1 => _level == Recompute.Products || Size(node.Output) >= node.Inputs.OfType<Value>().Max(Size),
            _ when Products.Contains(key) => _level == Recompute.Products,
            _ => Cheap.Contains(key),
        };
    }

    private bool SharesMemory(Value value) => Root(value) is var root && root != value && _saved.Contains(root);

    /// <summary>The value whose bytes a reshaped value shows.</summary>
    private static Value Root(Value value)
    {
        while (value.Producer is { OpType: "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Identity" } node)
        {
            value = node.Input(0);
        }

        return value;
    }

    // Extents that are no numbers are the batch, which all values share: sizes are compared a sample.
    private static double Size(Value value) => value.Shape is null ? 0 : value.KnownShape.Aggregate(1.0, (product, dim) => product * (dim.Value ?? 1));

    private void Rewrite()
    {
        using var scope = _op.Scope("again");
        var backward = _op.Graph.Nodes.Skip(_tape.ForwardNodes).ToHashSet();
        foreach (var value in _again.OrderBy(value => _firstUse[value]).ToList())
        {
            var copy = Copy(value, _tape.ArrivedBefore(_firstUse[value]));
            _op.Graph.ReplaceUses(value, copy, backward.Contains);
        }
    }

    private Value Copy(Value value, Value arrived)
    {
        if (_copies.TryGetValue(value, out var copy))
        {
            return copy;
        }

        if (IsKept(value) && !_again.Contains(value))
        {
            return _copies[value] = value.Producer is null && value.Data is not null || !_ofData.Contains(value) ? value : Behind(value, arrived);
        }

        var node = value.Producer!;
        var inputs = node.Inputs.Select(input => input is null ? null : Copy(input, arrived)).ToArray();
        var outputs = _op.Nodes(node.Domain, node.OpType, inputs, node.Outputs.Count, [.. node.Attributes.Select(attribute => (attribute.Key, attribute.Value))]);
        for (var i = 0; i < outputs.Count; i++)
        {
            if (node.Outputs[i] is { } output)
            {
                _copies[output] = outputs[i];
            }
        }

        return _copies[value];
    }

    /// <summary>The same bytes, but not before a gradient has arrived.</summary>
    private Value Behind(Value value, Value arrived)
    {
        if (value.Rank == 0)
        {
            return value;
        }

        if (!_zeros.TryGetValue(arrived, out var zero))
        {
            var first = _op.Slice(_op.Reshape(arrived, -1), 0, 0, 1);
            zero = _op.Mul(_op.Cast(_op.Cast(first, ElementType.Bool), ElementType.Int64), _op.Int64s(0));
            _zeros.Add(arrived, zero);
        }

        // An extent of 0 means: as it is.
        long[] rest = [.. value.KnownShape.Skip(1).Select(dim => dim.Value ?? 0)];
        return _op.ReshapeAs(value, rest.Length == 0 ? zero : _op.Concat(0, zero, _op.Int64s(rest)), value);
    }
}
