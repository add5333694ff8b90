using System.Globalization;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <content>Additions to nodes that are already in the graph.</content>
public sealed partial class GraphBuilder
{
    /// <summary>Reshapes to a shape that the graph computes and that is known to be the shape of another value.</summary>
    public Value ReshapeAs(Value x, Value shape, Value like)
    {
        var result = Reshape(x, shape);
        result.Shape = like.Shape;
        return result;
    }

    /// <summary>An optional output of a node that is already in the graph, made now when nobody asked for it before: mean and
    /// inverse deviation of LayerNormalization (1, 2), positions of MaxPool (1).</summary>
    /// <param name="node">The node.</param>
    /// <param name="index">Which output.</param>
    public Value OptionalOutput(Node node, int index)
    {
        if (index < node.Outputs.Count && node.Outputs[index] is { } present)
        {
            return present;
        }

        var outputs = node.Outputs.Concat(Enumerable.Repeat<Value?>(null, Math.Max(0, index + 1 - node.Outputs.Count))).ToArray();
        var name = Unique(string.Create(CultureInfo.InvariantCulture, $"{node.Name}:{index}"), Graph.HasName);
        var added = new Value(name, ElementType.Undefined, null) { Producer = node };
        outputs[index] = added;
        Graph.ClaimOutput(added);
        node.Outputs = outputs;
        ShapeInference.Infer(node);
        return added;
    }
}
