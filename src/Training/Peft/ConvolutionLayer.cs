using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>A convolution of one group in a graph: a Conv with a weight named <c>PATH.weight</c> [out, in, k…] and perhaps a bias.</summary>
/// <param name="Path">Module path, for example <c>patch_embed.proj</c>.</param>
/// <param name="Node">The Conv.</param>
/// <param name="Weight">[out, in, k…].</param>
internal sealed record ConvolutionLayer(string Path, Node Node, Value Weight)
{
    public long Out => Weight.Data!.Shape[0];

    /// <summary>The bias, when it is a constant.</summary>
    public Value? Bias => Node.OptionalInput(2) is { Producer: null, Data: not null } bias ? bias : null;

    /// <summary>Input values that one output value is made of: in · k….</summary>
    public long FanIn => Weight.Data!.Count / Out;

    /// <summary>All convolutions of one group in the order of the graph's nodes.</summary>
    public static IReadOnlyList<ConvolutionLayer> Find(Graph graph)
    {
        const string Suffix = ".weight";
        return [.. graph.Nodes.Where(node => node is { Domain: "", OpType: "Conv" } && node.Int("group", 1) == 1
                && node.Input(1) is { Producer: null, Data.Shape.Length: >= 3 } weight && weight.Name.EndsWith(Suffix, StringComparison.Ordinal))
            .Select(node => new ConvolutionLayer(node.Input(1).Name[..^Suffix.Length], node, node.Input(1)))];
    }
}
