using System.Diagnostics.CodeAnalysis;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Copies graphs, nodes and values; tensors are immutable and shared.</summary>
internal sealed class GraphCloner
{
    /// <summary>The copy of each value copied so far.</summary>
    public Dictionary<Value, Value> Map { get; } = [];

    public Graph Clone(Graph source)
    {
        var copy = new Graph(source.Name);
        foreach (var input in source.Inputs)
        {
            copy.AddInput(Clone(input));
        }

        foreach (var initializer in source.Initializers)
        {
            copy.AddInitializer(Clone(initializer));
        }

        foreach (var node in source.Nodes)
        {
            copy.AddNode(Clone(node));
        }

        foreach (var output in source.Outputs)
        {
            copy.AddOutput(Find(output));
        }

        return copy;
    }

    /// <summary>A copy of a node whose inputs are the copies made before; its outputs are new values.</summary>
    public Node Clone(Node source)
    {
        var copy = new Node(source.Domain, source.OpType, source.Name, source.Inputs.Select(Find),
            source.Attributes.Select(attribute => KeyValuePair.Create(attribute.Key, Clone(attribute.Value))));
        copy.Outputs = [.. source.Outputs.Select(output => output is null ? null : Clone(output, copy))];
        return copy;
    }

    /// <summary>A copy of a value that no node makes, made once.</summary>
    public Value Clone(Value source) => Map.TryGetValue(source, out var copy) ? copy : Clone(source, null);

    private Value Clone(Value source, Node? producer) => Map[source] = new Value(source.Name, source.Type, source.Shape)
    {
        Data = source.Data, Elements = source.Elements, Producer = producer,
    };

    private AttributeValue Clone(AttributeValue attribute) => attribute.Content switch
    {
        Graph body => AttributeValue.From(Clone(body)),
        Graph[] bodies => AttributeValue.From(bodies.Select(Clone).ToArray()),
        _ => attribute,
    };

    [return: NotNullIfNotNull(nameof(source))]
    private Value? Find(Value? source) => source is null ? null : Map.TryGetValue(source, out var copy) ? copy
        : throw new OnnxGraphException($"{source.Name} is used before it is made; sort the graph (Graph.Sort) before it is copied.");
}
