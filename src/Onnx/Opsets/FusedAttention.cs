namespace EoOnnx.Onnx;

/// <summary>Writes <c>com.microsoft.MultiHeadAttention</c>, which runtimes before ONNX Runtime 1.14 and of other makers do not know, as standard operators.</summary>
/// <remarks>Source: ONNX Runtime, docs/ContribOperators.md.</remarks>
internal static class FusedAttention
{
    private const string Domain = "com.microsoft", OpType = "MultiHeadAttention";
    private const int Query = 0, Key = 1, Value = 2, Bias = 5;

    /// <summary>Replaces every such node of a graph.</summary>
    /// <exception cref="OnnxGraphException">One has inputs, outputs or attributes that its standard form does not cover.</exception>
    public static void Expand(Graph graph)
    {
        var op = new GraphBuilder(graph);
        foreach (var node in graph.Nodes.Where(node => node is { Domain: Domain, OpType: OpType }).ToList())
        {
            var result = Expand(op, node);
            var (name, isOutput) = (node.Output.Name, graph.Outputs.Contains(node.Output));
            graph.ReplaceUses(node.Output, result);
            graph.RemoveUnused();
            if (isOutput)
            {
                graph.Rename(result, name);
            }
        }

        graph.Sort();
    }

    // softmax(q·kᵀ · scale + bias)·v a head; zeros keep batch and tokens.
    private static Value Expand(GraphBuilder op, Node node)
    {
        var others = Enumerable.Range(0, node.Inputs.Count).Where(i => i is not (Query or Key or Value or Bias) && node.OptionalInput(i) is not null).ToList();
        if (others.Count > 0 || node.OptionalInput(Key) is null || node.OptionalInput(Value) is null || node.Outputs.Count > 1 || node.Int("unidirectional", 0) != 0 || node.Input(Query).Shape is not { Rank: 3 } shape || shape[2].Value is not { } width)
        {
            throw new OnnxGraphException($"{node} cannot be written in standard operators: expected query, key and value [batch, tokens, width] and at most a bias of the scores. Export the model with --attention standard.");
        }

        var heads = node.Int("num_heads", 1);
        var scale = node.Float("scale", 0) is var given and not 0 ? given : 1 / Math.Sqrt((double)width / heads); // 0 stands for the usual one
        var (q, k, v) = (Split(Query, 0, 2, 1, 3), Split(Key, 0, 2, 3, 1), Split(Value, 0, 2, 1, 3));
        var scores = op.MatMul(op.Mul(q, scale), k);
        var mixed = op.MatMul(op.Softmax(node.OptionalInput(Bias) is { } bias ? op.Add(scores, bias) : scores, -1), v);
        return op.Reshape(op.Transpose(mixed, 0, 2, 1, 3), 0, 0, Width(Value));

        long Width(int input) => node.Input(input).Shape is { Rank: 3 } part && part[2].Value is { } known ? known
            : throw new OnnxGraphException($"{node}: the width of {node.Input(input)} is not known, so its heads cannot be told apart. Export the model with --attention standard.");

        Value Split(int input, params long[] permutation) => op.Transpose(op.Reshape(node.Input(input), 0, 0, heads, Width(input) / heads), permutation);
    }
}
