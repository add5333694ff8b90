using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>A linear layer in a graph: a MatMul with a weight named <c>PATH.weight</c>, stored [in, out], and perhaps an Add with
/// <c>PATH.bias</c>.</summary>
/// <param name="Path">Module path, for example <c>blocks.0.attn.qkv</c>.</param>
/// <param name="Product">The MatMul.</param>
/// <param name="Weight">[in, out].</param>
/// <param name="Bias">[out], or null.</param>
/// <param name="BiasNode">The Add, or null.</param>
internal sealed record LinearLayer(string Path, Node Product, Value Weight, Value? Bias, Node? BiasNode)
{
    public long In => Weight.Data!.Shape[0];

    public long Out => Weight.Data!.Shape[1];

    /// <summary>All linear layers in the order of the graph's nodes.</summary>
    public static IReadOnlyList<LinearLayer> Find(Graph graph)
    {
        const string Suffix = ".weight";
        var layers = new List<LinearLayer>();
        var consumers = graph.Nodes.SelectMany(node => node.Inputs.OfType<Value>().Distinct().Select(input => (input, node))).ToLookup(item => item.input, item => item.node);
        foreach (var node in graph.Nodes.Where(node => node.Domain.Length == 0 && node.OpType == "MatMul"))
        {
            if (node.Input(1) is not { Producer: null, Data.Shape.Length: 2 } weight || !weight.Name.EndsWith(Suffix, StringComparison.Ordinal))
            {
                continue;
            }

            var path = weight.Name[..^Suffix.Length];
            var add = consumers[node.Output].ToList() is [{ OpType: "Add" } only] ? only : null;
            var bias = add?.Inputs.FirstOrDefault(input => input is { Producer: null, Data.Shape.Length: 1 } && input.Name == $"{path}.bias");
            layers.Add(new LinearLayer(path, node, weight, bias, bias is null ? null : add));
        }

        return layers;
    }
}

/// <summary>A linear layer, or the part of a fused one, that carries an adapter of its own.</summary>
/// <param name="Path">Module path, with <c>.q_linear</c> and so on for a part.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Start">First output of the part.</param>
/// <param name="Length">Number of outputs of the part.</param>
internal sealed record AdapterSite(string Path, LinearLayer Layer, long Start, long Length)
{
    /// <summary>The layer as a whole and, for a fused projection, its parts.</summary>
    public static IEnumerable<AdapterSite> Of(LinearLayer layer, string fusedName)
    {
        yield return new AdapterSite(layer.Path, layer, 0, layer.Out);
        if (layer.Path.EndsWith($".{fusedName}", StringComparison.Ordinal) && layer.Out % 3 == 0)
        {
            foreach (var (part, third) in FusedProjection.Parts.OrderBy(part => part.Value))
            {
                yield return new AdapterSite($"{layer.Path}.{part}_linear", layer, third * (layer.Out / 3), layer.Out / 3);
            }
        }
    }
}
