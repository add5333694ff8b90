using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Merging;

/// <summary>Constants of a graph that is being rewritten.</summary>
internal static class GraphConstants
{
    /// <summary>True for a value whose content is fixed.</summary>
    public static bool IsConstant(Graph graph, Value? value) => value is { Producer: null, Data: not null } && !graph.Inputs.Contains(value);

    /// <summary>Gives a constant another content under the same name.</summary>
    public static Value Replace(Graph graph, Value constant, TensorData data)
    {
        graph.RemoveInitializer(constant);
        var replacement = new GraphBuilder(graph).Initializer(constant.Name, data);
        graph.ReplaceUses(constant, replacement);
        return replacement;
    }
}
