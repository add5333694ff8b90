using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>
/// The walker: appends to a graph the nodes that compute the gradient of one scalar with respect to some values. It visits nodes
/// in reverse topological order, asks rules only for inputs that lead to one of those values, adds up partial gradients and sums
/// them back to the shape of an input that was broadcast.
/// </summary>
internal sealed class Backpropagation
{
    private readonly GraphBuilder _op;
    private readonly HashSet<Value> _leading;
    private readonly Dictionary<Value, List<Value>> _partial = [];

    private Backpropagation(GraphBuilder op, HashSet<Value> leading) => (_op, _leading) = (op, leading);

    /// <summary>Gradients of <paramref name="loss"/>, in the order of <paramref name="parameters"/>; null for one that the loss does
    /// not depend on.</summary>
    /// <inheritdoc cref="Differentiate"/>
    public static IReadOnlyList<Value?> Run(GraphBuilder op, Value loss, IReadOnlyList<Value> parameters, Value? seed = null, Recompute recompute = Recompute.Nothing) =>
        Differentiate(op, loss, parameters, seed, recompute).Gradients;

    /// <summary>The backward pass of <paramref name="loss"/>.</summary>
    /// <param name="op">Builder of the graph that holds the loss.</param>
    /// <param name="loss">A float without axes, or any float when <paramref name="seed"/> is given.</param>
    /// <param name="parameters">The values to differentiate with respect to.</param>
    /// <param name="seed">dL/dLoss in the shape of the loss; one when null.</param>
    /// <param name="recompute">Forward values that are computed again instead of kept.</param>
    /// <exception cref="TrainingException">An operator on the way has no rule; the message names node and blocked parameters.</exception>
    public static BackwardPass Differentiate(GraphBuilder op, Value loss, IReadOnlyList<Value> parameters, Value? seed, Recompute recompute)
    {
        op.Graph.Sort();
        var nodes = op.Graph.Nodes.ToList();
        var walker = new Backpropagation(op, Leading(nodes, parameters));
        using var scope = op.Scope("gradient");
        var tape = new BackwardTape(op.Graph.Nodes.Count);
        walker.Add(loss, seed ?? op.Scalar(1, loss));
        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            walker.Visit(nodes[i], nodes, parameters, tape);
        }

        IReadOnlyList<Value?> gradients = [.. parameters.Select(walker.Take)];
        var again = Recomputation.Apply(op, tape, recompute);
        var made = nodes.SelectMany(node => node.Outputs).OfType<Value>().ToHashSet();
        var kept = op.Graph.Nodes.Skip(nodes.Count).SelectMany(node => node.Inputs).OfType<Value>().Where(made.Contains).ToHashSet();
        return new BackwardPass(gradients, kept, again);
    }

    /// <summary>Every value that depends differentiably on a parameter.</summary>
    private static HashSet<Value> Leading(List<Node> nodes, IEnumerable<Value> parameters)
    {
        var leading = new HashSet<Value>(parameters);
        foreach (var node in nodes.Where(node => !VjpTable.IsConstant(node)))
        {
            var depends = Enumerable.Range(0, node.Inputs.Count).Any(i =>
                node.Inputs[i] is { } input && leading.Contains(input) && (!VjpTable.Has(node) || VjpTable.Rule(node, i) is not null));
            if (depends)
            {
                leading.UnionWith(node.Outputs.OfType<Value>().Where(output => output.Type.IsFloatingPoint() || output.Type == ElementType.Undefined));
            }
        }

        return leading;
    }

    private void Visit(Node node, List<Node> nodes, IReadOnlyList<Value> parameters, BackwardTape tape)
    {
        if (!node.Outputs.Any(output => output is not null && _partial.ContainsKey(output)))
        {
            return;
        }

        var gradients = node.Outputs.Select(output => output is null || !_partial.ContainsKey(output) ? null
            : parameters.Contains(output) ? Total(output) : Take(output)).ToList();
        tape.Add(_op.Graph.Nodes.Count, gradients.OfType<Value>().First());
        for (var i = 0; i < node.Inputs.Count; i++)
        {
            if (node.Inputs[i] is not { } input || !_leading.Contains(input))
            {
                continue;
            }

            if (!VjpTable.Has(node))
            {
                throw new TrainingException(
                    $"No gradient rule for {VjpTable.Key(node)} (node {node.Name}), which blocks: {Blocked(input, nodes, parameters)}. " +
                    "Train tensors that lie behind this node, or express it with operators that have a rule.");
            }

            if (VjpTable.Rule(node, i) is { } rule)
            {
                var gradient = rule(new VjpContext(_op, node, gradients, i));
                Add(input, VjpTable.Broadcasts(node) ? Unbroadcast.To(_op, gradient, input, node, i) : gradient);
            }
        }
    }

    private void Add(Value value, Value gradient)
    {
        if (!_partial.TryGetValue(value, out var partial))
        {
            _partial.Add(value, partial = []);
        }

        partial.Add(gradient);
    }

    private Value? Take(Value value)
    {
        if (!_partial.ContainsKey(value))
        {
            return null;
        }

        var total = Total(value);
        _partial.Remove(value);
        return total;
    }

    private Value Total(Value value)
    {
        var partial = _partial[value];
        var total = partial.Aggregate(_op.Add);
        _partial[value] = [total];
        return total;
    }

    private static string Blocked(Value input, List<Node> nodes, IReadOnlyList<Value> parameters)
    {
        var seen = new HashSet<Value>();
        var pending = new Stack<Value>([input]);
        while (pending.TryPop(out var value))
        {
            if (seen.Add(value))
            {
                foreach (var source in value.Producer?.Inputs.OfType<Value>() ?? [])
                {
                    pending.Push(source);
                }
            }
        }

        var blocked = parameters.Where(seen.Contains).Select(parameter => parameter.Name).ToList();
        return string.Join(", ", blocked.Take(5)) + (blocked.Count > 5 ? $", … ({blocked.Count} tensors)" : "");
    }
}

/// <summary>What differentiating a graph gave.</summary>
/// <param name="Gradients">One a parameter; null for one that the loss does not depend on.</param>
/// <param name="Kept">Forward values that the backward pass reads.</param>
/// <param name="Recomputed">Forward values that it makes again instead.</param>
internal sealed record BackwardPass(IReadOnlyList<Value?> Gradients, IReadOnlyCollection<Value> Kept, IReadOnlyCollection<Value> Recomputed);
