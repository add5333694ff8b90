using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft.Structure;

/// <summary>Builds a part of a graph once more on other values, whose number of tokens may differ, so that every shape in between is inferred anew.</summary>
internal static class SubgraphReplay
{
    /// <summary>Builds what leads from some values to others.</summary>
    /// <param name="op">Builder of the graph, whose nodes are in order.</param>
    /// <param name="replaced">Values that the part begins with, and what stands for them.</param>
    /// <param name="beside">Values that it takes besides, such as masks, and what stands for them in it.</param>
    /// <param name="ends">The values to reach.</param>
    /// <returns>For each value on the way that is used elsewhere, or is an end, its new form.</returns>
    /// <exception cref="TrainingException">A Reshape on the way has sizes that the new number of tokens does not fit.</exception>
    public static IReadOnlyList<(Value Old, Value New)> Run(GraphBuilder op, IReadOnlyDictionary<Value, Value> replaced, IReadOnlyDictionary<Value, Value> beside, IReadOnlyCollection<Value> ends)
    {
        var graph = op.Graph;
        var region = Region(graph, replaced, ends);
        var map = replaced.Concat(beside).ToDictionary();
        foreach (var node in region)
        {
            using var scope = op.Scope(node.Name.LastIndexOf('/') is > 0 and var slash ? node.Name[..slash] : node.Name);
            var inputs = node.Inputs.Select(input => input is null ? null : map.GetValueOrDefault(input, input)).ToArray();
            if (node.OpType == "Reshape")
            {
                inputs[1] = Sizes(op, node, inputs[0]!);
            }

            var outputs = op.Nodes(node.Domain, node.OpType, inputs, node.Outputs.Count, [.. node.Attributes.Select(attribute => (attribute.Key, attribute.Value))]);
            for (var i = 0; i < outputs.Count; i++)
            {
                if (node.Outputs[i] is { } old)
                {
                    map[old] = outputs[i];
                }
            }
        }

        var inner = region.ToHashSet();
        var copies = region.SelectMany(node => node.Outputs).OfType<Value>().ToHashSet();
        var outside = graph.Nodes.Where(node => !inner.Contains(node)).SelectMany(node => node.Inputs).OfType<Value>().Concat(graph.Outputs).Concat(ends).Where(copies.Contains).ToHashSet();
        return [.. copies.Where(outside.Contains).Select(value => (value, map[value]))];
    }

    private static List<Node> Region(Graph graph, IReadOnlyDictionary<Value, Value> replaced, IReadOnlyCollection<Value> ends)
    {
        var changed = replaced.Keys.ToHashSet();
        var forward = new List<Node>();
        foreach (var node in graph.Nodes.Where(node => node.Inputs.Any(input => input is not null && changed.Contains(input))))
        {
            forward.Add(node);
            changed.UnionWith(node.Outputs.OfType<Value>());
        }

        var wanted = ends.ToHashSet();
        var region = new List<Node>();
        foreach (var node in forward.AsEnumerable().Reverse().Where(node => node.Outputs.Any(output => output is not null && wanted.Contains(output) && !replaced.ContainsKey(output))))
        {
            region.Add(node);
            wanted.UnionWith(node.Inputs.OfType<Value>());
        }

        region.Reverse();
        return region;
    }

    /// <summary>The sizes of a Reshape; an axis that keeps its place and holds the number of tokens follows the tokens.</summary>
    private static Value Sizes(GraphBuilder op, Node node, Value input)
    {
        if (node.Input(1) is not { Producer: null, Data: { } data } sizes)
        {
            return node.Input(1);
        }

        var (before, after) = (node.Input(0).KnownShape, input.KnownShape);
        var target = data.AsSpan<long>().ToArray();
        for (var axis = 0; axis < before.Rank; axis++)
        {
            if (before[axis].Value is not { } old || after[axis].Value is not { } now || old == now || (axis < target.Length && target[axis] is 0 or -1))
            {
                continue;
            }

            if (axis >= target.Length || target[axis] != old)
            {
                throw new TrainingException($"{node} joins or cuts the axis of {old} tokens, so no tokens can be added before it. Choose lora or adapter for this encoder.");
            }

            target[axis] = now;
        }

        return target.AsSpan().SequenceEqual(data.AsSpan<long>()) ? sizes : op.Int64s(target);
    }
}
