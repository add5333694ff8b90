using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>One operator call: inputs (null where an optional one is left out), attributes and outputs.</summary>
public sealed class Node
{
    private readonly Value?[] _inputs;

    internal Node(string domain, string opType, string name, IEnumerable<Value?> inputs, IEnumerable<KeyValuePair<string, AttributeValue>> attributes)
    {
        (Domain, OpType, Name, _inputs) = (domain, opType, name, [.. inputs]);
        foreach (var (key, value) in attributes)
        {
            Attributes[key] = value;
        }
    }

    /// <summary>Operator domain; empty for the standard ONNX operators.</summary>
    public string Domain { get; }

    /// <summary>Operator name, for example <c>MatMul</c>.</summary>
    public string OpType { get; }

    /// <summary>Name, unique in its graph; by convention the path of the module in the reference implementation.</summary>
    public string Name { get; internal set; }

    /// <summary>Inputs in order; null where an optional input is left out.</summary>
    public IReadOnlyList<Value?> Inputs => _inputs;

    /// <summary>Outputs in order; null where an optional output is left out.</summary>
    public IReadOnlyList<Value?> Outputs { get; internal set; } = [];

    /// <summary>Attributes by name, in ordinal order.</summary>
    public SortedDictionary<string, AttributeValue> Attributes { get; } = new(StringComparer.Ordinal);

    /// <summary>The first, and mostly the only, output.</summary>
    /// <exception cref="OnnxGraphException">It is left out.</exception>
    public Value Output => Outputs.Count > 0 && Outputs[0] is { } value ? value : throw new OnnxGraphException($"{this} has no first output; one is needed here.");

    /// <summary>An input that must be present.</summary>
    /// <exception cref="OnnxGraphException">It is absent.</exception>
    public Value Input(int index) => index < _inputs.Length && _inputs[index] is { } value
        ? value
        : throw new OnnxGraphException($"{this} needs input {index}; it has {_inputs.Count(input => input is not null)} inputs.");

    /// <summary>An input that may be absent.</summary>
    public Value? OptionalInput(int index) => index < _inputs.Length ? _inputs[index] : null;

    /// <summary>An integer attribute or its default.</summary>
    public long Int(string name, long otherwise) => Attributes.TryGetValue(name, out var value) ? value.AsInt(this, name) : otherwise;

    /// <summary>A floating-point attribute or its default.</summary>
    public float Float(string name, float otherwise) => Attributes.TryGetValue(name, out var value) ? value.AsFloat(this, name) : otherwise;

    /// <summary>A text attribute or its default.</summary>
    public string Text(string name, string otherwise) => Attributes.TryGetValue(name, out var value) ? value.AsString(this, name) : otherwise;

    /// <summary>An integer-list attribute, or null when it is absent.</summary>
    public long[]? Ints(string name) => Attributes.TryGetValue(name, out var value) ? value.AsInts(this, name) : null;

    /// <summary>Makes the node read another value, or none.</summary>
    internal void SetInput(int index, Value? value) => _inputs[index] = value;

    /// <summary>For example <c>MatMul (node blocks.0.attn.qkv/MatMul)</c>.</summary>
    public override string ToString() => $"{(Domain.Length == 0 ? OpType : $"{Domain}.{OpType}")} (node {Name})";
}

/// <summary>The value of a node's attribute: integer, float, text, tensor, graph, or a list of one of them.</summary>
public sealed class AttributeValue
{
    private AttributeValue(object content) => Content = content;

    /// <summary>A <see cref="long"/>, <see cref="float"/>, <see cref="string"/> or <see cref="TensorData"/>, a <see cref="Graph"/>,
    /// or an array of one of them; raw bytes for text that is not UTF-8.</summary>
    public object Content { get; }

    /// <summary>Wraps an integer.</summary>
    public static implicit operator AttributeValue(long value) => new(value);

    /// <summary>Wraps a float.</summary>
    public static implicit operator AttributeValue(float value) => new(value);

    /// <summary>Wraps a text.</summary>
    public static implicit operator AttributeValue(string value) => new(value);

    /// <summary>Wraps an integer list.</summary>
    public static implicit operator AttributeValue(long[] value) => new(value);

    /// <summary>Wraps a tensor.</summary>
    public static implicit operator AttributeValue(TensorData value) => new(value);

    /// <summary>Wraps a value of any of the types that <see cref="Content"/> lists.</summary>
    /// <exception cref="OnnxGraphException">Another type.</exception>
    public static AttributeValue From(object value) => value is long or float or string or byte[] or TensorData or Graph
        or long[] or float[] or string[] or byte[][] or TensorData[] or Graph[]
        ? new AttributeValue(value)
        : throw new OnnxGraphException($"An attribute cannot hold {value.GetType()}.");

    internal long AsInt(Node node, string name) => As<long>(node, name);

    internal float AsFloat(Node node, string name) => As<float>(node, name);

    internal string AsString(Node node, string name) => As<string>(node, name);

    internal long[] AsInts(Node node, string name) => As<long[]>(node, name);

    private T As<T>(Node node, string name) => Content is T value
        ? value
        : throw new OnnxGraphException($"Attribute {name} of {node} holds {Content.GetType().Name}; expected {typeof(T).Name}.");
}
