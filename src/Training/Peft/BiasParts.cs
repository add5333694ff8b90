using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>Biases of adapted layers as trainable tensors of their own, one a part of a fused projection.</summary>
internal static class BiasParts
{
    /// <summary>Every tensor whose name contains <c>bias</c>.</summary>
    public static void ThawAll(PeftGraph graph, IReadOnlyList<AdapterSite> sites)
    {
        foreach (var group in sites.GroupBy(site => site.Layer))
        {
            Thaw(graph, group.Key, [.. group], allParts: true);
        }

        foreach (var bias in graph.Constants().Where(value => value.Name.Contains("bias", StringComparison.Ordinal)).ToList())
        {
            graph.Thaw(bias);
        }
    }

    /// <summary>The bias of one adapted layer: <c>PATH.base_layer.bias</c> for each adapted part; the other parts stay frozen, or with
    /// <paramref name="allParts"/> train as <c>PATH.bias</c>.</summary>
    public static void Thaw(PeftGraph graph, LinearLayer layer, IReadOnlyList<AdapterSite> sites, bool allParts)
    {
        if (layer.Bias is not { Data: { } data } bias)
        {
            return;
        }

        if (sites is [{ } whole] && whole.Path == layer.Path)
        {
            graph.Thaw(bias, $"{layer.Path}.base_layer.bias");
            return;
        }

        var op = graph.Op;
        var values = data.ToSingles();
        var parts = new List<Value>();
        foreach (var (name, third) in FusedProjection.Parts.OrderBy(part => part.Value))
        {
            var length = layer.Out / 3;
            var content = TensorData.FromValues<float>([length], values.AsSpan((int)(third * length), (int)length));
            var path = $"{layer.Path}.{name}_linear";
            parts.Add(sites.Any(site => site.Path == path) ? graph.Add($"{path}.base_layer.bias", content)
                : allParts ? graph.Add($"{path}.bias", content)
                : op.Constant(content));
        }

        var users = op.Graph.Consumers(bias).ToHashSet();
        op.Graph.ReplaceUses(bias, op.Concat(0, [.. parts]), users.Contains);
        op.Graph.RemoveInitializer(bias);
    }
}
