using System.Globalization;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft.Structure;

/// <summary>
/// Finds the blocks of a transformer by the structure of its graph: a Softmax between two products, behind it a linear layer whose result is
/// added to the block's input, and behind that a branch of linear layers that is added again. Names serve only to name what is found.
/// </summary>
internal sealed class EncoderStructure
{
    private const int LongestWalk = 32;
    private readonly Graph _graph;
    private readonly ILookup<Value, Node> _consumers;
    private readonly Dictionary<Node, LinearLayer> _layers;

    private EncoderStructure(Graph graph)
    {
        _graph = graph;
        _consumers = graph.Nodes.SelectMany(node => node.Inputs.OfType<Value>().Distinct().Select(input => (input, node))).ToLookup(item => item.input, item => item.node);
        _layers = LinearLayer.Find(graph).ToDictionary(layer => layer.Product);
    }

    /// <summary>The blocks of the longest stack, in order.</summary>
    /// <param name="graph">The encoder.</param>
    /// <param name="method">Who asks, for the message.</param>
    /// <exception cref="TrainingException">There is no such block, or attention is one fused operator.</exception>
    public static IReadOnlyList<EncoderBlock> Blocks(Graph graph, string method)
    {
        if (graph.Nodes.FirstOrDefault(node => node.Domain.Length > 0 && node.OpType.Contains("Attention", StringComparison.Ordinal)) is { } fused)
        {
            throw new TrainingException($"{method} goes into the parts of attention; {graph.Name} has it as one operator, {fused}. Export the encoder again with --attention standard.");
        }

        graph.Sort();
        var structure = new EncoderStructure(graph);
        var found = graph.Nodes.Where(node => node.Domain.Length == 0 && node.OpType == "Softmax").Select(structure.Block).OfType<EncoderBlock>().ToList();

        // A generator of weights may hold blocks of its own; the encoder is the longest stack.
        return found.GroupBy(block => Stack(block.Path)).OrderByDescending(stack => stack.Count()).FirstOrDefault()?.ToList()
            ?? throw new TrainingException(
                $"{method} needs transformer blocks: a Softmax between two MatMuls, a linear layer behind them, and two residual sums. {graph.Name} has {Describe(graph)}. Choose a method that needs none, such as lora or bitfit.");
    }

    /// <summary>The blocks, when each of them attends to all tokens at once.</summary>
    /// <exception cref="TrainingException">As <see cref="Blocks"/>; or attention is within windows.</exception>
    public static IReadOnlyList<EncoderBlock> GlobalBlocks(Graph graph, string method)
    {
        var blocks = Blocks(graph, method);
        return blocks.FirstOrDefault(block => !block.IsGlobal) is not { } other ? blocks : throw new TrainingException(
            $"{method} needs attention over one list of tokens, [batch, heads, tokens, width]; {other.AttentionPath} of {graph.Name} attends within windows ({other.Mix.Input(1).KnownShape}). Choose lora or adapter.");
    }

    private EncoderBlock? Block(Node softmax)
    {
        var mask = softmax.Input(0).Producer is { OpType: "Add" } add ? add : null;
        var scores = (mask?.Inputs ?? softmax.Inputs).Select(input => input?.Producer).FirstOrDefault(node => node is { OpType: "MatMul", Domain: "" });
        if (scores is null || Only(softmax.Output) is not { OpType: "MatMul" } mix || mix.Input(0) != softmax.Output
            || Forward(mix.Output, node => _layers.ContainsKey(node)) is not { } product
            || _layers[product] is not { } projection || Forward(OutputOf(projection), IsResidual) is not { } attentionSum)
        {
            return null;
        }

        var side = LeadsTo(attentionSum.Input(0), product) ? 0 : 1;
        foreach (var mlpSum in _consumers[attentionSum.Output].Where(IsResidual))
        {
            var branch = mlpSum.Input(0) == attentionSum.Output ? mlpSum.Input(1) : mlpSum.Input(0);
            if (LayerBehind(branch) is { } contraction)
            {
                var normalized = _consumers[attentionSum.Output].FirstOrDefault(node => node.OpType == "LayerNormalization")?.Output ?? attentionSum.Output;
                return new EncoderBlock
                {
                    Path = Parent(Parent(projection.Path)), AttentionPath = Parent(projection.Path), Scores = scores, MaskNode = mask, Softmax = softmax, Mix = mix, Projection = projection,
                    AttentionSum = attentionSum, BranchSide = side, Contraction = contraction, MlpInput = normalized, MlpSum = mlpSum,
                };
            }
        }

        return null;
    }

    private Node? Only(Value value) => _consumers[value].ToList() is [var node] ? node : null;

    /// <summary>The first node of a kind on the single way onwards from a value.</summary>
    private Node? Forward(Value value, Func<Node, bool> wanted)
    {
        for (var step = 0; step < LongestWalk; step++)
        {
            if (_consumers[value].FirstOrDefault(wanted) is { } found)
            {
                return found;
            }

            if ((Only(value) ?? Rejoining(value)) is not { Outputs.Count: 1 } next)
            {
                return null;
            }

            value = next.Output;
        }

        return null;
    }

    // A map that is rolled is cut into parts that one Concat joins again.
    private Node? Rejoining(Value value) => _consumers[value].ToList() is { Count: > 1 } parts && parts.TrueForAll(node => node.OpType == "Slice")
        && parts.Select(part => Only(part.Output)).Distinct().ToList() is [{ OpType: "Concat" } join] ? join : null;

    private static bool IsResidual(Node node) => node is { Domain: "", OpType: "Add" } && node.Input(0).Shape is { } a && node.Input(1).Shape is { } b && a.Rank == b.Rank && a.Rank >= 3
        && node.Input(0).Producer is not null && node.Input(1).Producer is not null;

    private static bool LeadsTo(Value value, Node wanted)
    {
        for (var (node, step) = (value.Producer, 0); node is not null && step < LongestWalk; step++)
        {
            if (node == wanted)
            {
                return true;
            }

            node = node.Inputs.OfType<Value>().Select(input => input.Producer).FirstOrDefault(producer => producer is not null);
        }

        return false;
    }

    /// <summary>The linear layer that a branch ends in, perhaps with a bias, a sum or a normalisation behind it.</summary>
    private LinearLayer? LayerBehind(Value branch)
    {
        for (var (node, step) = (branch.Producer, 0); node is not null && step < LongestWalk; step++)
        {
            if (_layers.TryGetValue(node, out var layer))
            {
                return layer;
            }

            node = node.OpType is "Add" or "LayerNormalization" or "Reshape" or "Transpose" or "Mul"
                ? node.Inputs.OfType<Value>().Select(input => input.Producer).FirstOrDefault(producer => producer is not null) : null;
        }

        return null;
    }

    private static Value OutputOf(LinearLayer layer) => (layer.BiasNode ?? layer.Product).Output;

    private static string Parent(string path) => path.LastIndexOf('.') is > 0 and var dot ? path[..dot] : path;

    private static string Stack(string path) => Parent(path) is var parent && int.TryParse(path[(path.LastIndexOf('.') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out _) ? parent : path;

    private static string Describe(Graph graph) => string.Join(", ", graph.Nodes.GroupBy(node => node.OpType).OrderByDescending(group => group.Count()).Take(6)
        .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {group.Key}")));
}
