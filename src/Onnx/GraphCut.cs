namespace EoOnnx.Onnx;

/// <summary>
/// A model cut in two where some of its overridable inputs first have an effect: <see cref="Before"/> gives the same answer whatever
/// their value is, <see cref="After"/> takes that answer and gives the model's output.
/// </summary>
/// <param name="Before">From the data to the values that cross the cut; its outputs are named as the inputs of <paramref name="After"/>.</param>
/// <param name="After">From these values, and data that it takes as well, to the output.</param>
/// <param name="Crossing">Names of the values that cross.</param>
/// <param name="Data">Names of inputs with data that <paramref name="After"/> takes, too.</param>
/// <param name="Share">Share of the weights, by number, that lies before the cut.</param>
public sealed record GraphCut(OnnxModel Before, OnnxModel After, IReadOnlyList<string> Crossing, IReadOnlyList<string> Data, double Share)
{
    /// <summary>Cuts a model; it stays as it is.</summary>
    /// <param name="model">The model; its nodes are in order (<see cref="Graph.Sort"/>).</param>
    /// <param name="changing">Names of the overridable inputs.</param>
    /// <param name="output">The output that is wanted.</param>
    /// <param name="reason">Why it cannot be cut; null when it was.</param>
    /// <exception cref="OnnxGraphException">There is no such output.</exception>
    public static GraphCut? At(OnnxModel model, IReadOnlySet<string> changing, string output, out string? reason)
    {
        var graph = model.Graph;
        var wanted = graph.FindOutput(output) ?? throw new OnnxGraphException($"The graph has no output '{output}'; its outputs are {string.Join(", ", graph.Outputs.Select(value => value.Name))}.");
        var (crossing, behind) = Frontier(graph, changing, wanted);
        reason = wanted.Producer is null || !behind.Contains(wanted.Producer) ? $"the output {output} does not depend on what changes"
            : crossing.All(value => value.Producer is null) ? "what changes has an effect on the data itself"
            : crossing.Find(value => value.Shape is null) is { } open ? $"the shape of {open.Name} is not known"
            : null;
        if (reason is not null)
        {
            return null;
        }

        var made = crossing.Where(value => value.Producer is not null).ToList();
        var (before, after) = (model.Clone(out var early), model.Clone(out var late));
        before.Graph.SetOutputs(made.Select(value => early[value]));
        after.Graph.SetOutputs(late[wanted]);
        var builder = new GraphBuilder(after.Graph);
        foreach (var value in made)
        {
            after.Graph.ReplaceUses(late[value], builder.Input($"{value.Name}.crossing", value.Type, value.KnownShape));
        }

        var crossed = made.Select(value => $"{value.Name}.crossing").ToHashSet(StringComparer.Ordinal);
        foreach (var (value, name) in made.Zip(made.Select(value => $"{value.Name}.crossing")))
        {
            before.Graph.Rename(early[value], name);
        }

        var data = crossing.Where(value => value.Producer is null).Select(value => value.Name).ToHashSet(StringComparer.Ordinal);
        Reduce(before, input => input.Data is null);
        Reduce(after, input => input.Data is null ? crossed.Contains(input.Name) || data.Contains(input.Name) : changing.Contains(input.Name));
        double weights = Weights(graph);
        return new GraphCut(before, after, [.. made.Select(value => $"{value.Name}.crossing")], [.. graph.Inputs.Select(input => input.Name).Where(data.Contains)], weights == 0 ? 0 : Weights(before.Graph) / weights);
    }

    // Values that do not change and are made of data, where nodes that do change read them.
    private static (List<Value> Crossing, HashSet<Node> Behind) Frontier(Graph graph, IReadOnlySet<string> changing, Value wanted)
    {
        var ofData = graph.Inputs.Where(input => input.Data is null).ToHashSet();
        var changed = graph.Inputs.Where(input => input.Data is not null && changing.Contains(input.Name)).ToHashSet();
        var behind = new HashSet<Node>();
        foreach (var node in graph.Nodes)
        {
            var inputs = node.Inputs.OfType<Value>().Concat(Graph.OuterValues(node)).ToList();
            if (inputs.Exists(ofData.Contains))
            {
                ofData.UnionWith(node.Outputs.OfType<Value>());
            }

            if (inputs.Exists(changed.Contains))
            {
                behind.Add(node);
                changed.UnionWith(node.Outputs.OfType<Value>());
            }
        }

        // Of the nodes behind the cut, those that the output depends on.
        var needed = new HashSet<Value> { wanted };
        var crossing = new HashSet<Value>();
        foreach (var node in graph.Nodes.Reverse().Where(node => behind.Contains(node) && node.Outputs.Any(value => value is not null && needed.Contains(value))))
        {
            foreach (var input in node.Inputs.OfType<Value>().Concat(Graph.OuterValues(node)))
            {
                needed.Add(input);
                if (ofData.Contains(input) && !changed.Contains(input))
                {
                    crossing.Add(input);
                }
            }
        }

        return ([.. graph.Inputs.Where(crossing.Contains), .. graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(crossing.Contains)], behind);
    }

    private static void Reduce(OnnxModel model, Func<Value, bool> keep)
    {
        model.Graph.RemoveUnused();
        foreach (var input in model.Graph.Inputs.Where(input => !keep(input)).ToList())
        {
            model.Graph.RemoveInput(input); // with a default it stays, as a constant
        }

        model.Graph.RemoveUnused();
        model.Graph.Sort();
    }

    private static long Weights(Graph graph) => graph.Initializers.Sum(value => value.Data is { } data ? data.Shape.Aggregate(1L, (all, extent) => all * extent) : 0);
}
