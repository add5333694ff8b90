using System.Globalization;
using System.Runtime.InteropServices;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// Appends typed operator calls to a graph. Every call infers the type and shape of its outputs (<see cref="ShapeInference"/>)
/// and fails at once, naming node, input, expected and found. Operators are written for opset
/// <see cref="OnnxModel.DefaultOpset"/>; each method names the ONNX operator it writes.
/// </summary>
public sealed partial class GraphBuilder
{
    private readonly Dictionary<(ElementType, string, string), Value> _constants = [];
    private readonly Dictionary<string, int> _counters = new(StringComparer.Ordinal);
    private string _scope = "";

    /// <summary>A builder of a new, empty graph.</summary>
    public GraphBuilder(string name) : this(new Graph(name))
    {
    }

    /// <summary>A builder that appends to an existing graph.</summary>
    public GraphBuilder(Graph graph) => Graph = graph;

    /// <summary>The graph being built.</summary>
    public Graph Graph { get; }

    /// <summary>Names nodes made until disposal <c>path/…</c>; scopes nest with a dot: <c>blocks.0</c>, <c>attn</c>.</summary>
    public IDisposable Scope(string path)
    {
        var outer = _scope;
        _scope = outer.Length == 0 ? path : $"{outer}.{path}";
        return new ScopeEnd(this, outer);
    }

    /// <summary>Adds a graph input.</summary>
    public Value Input(string name, ElementType type, TensorShape shape)
    {
        var value = new Value(name, type, shape);
        Graph.AddInput(value);
        return value;
    }

    /// <summary>Adds a graph input whose default is <paramref name="data"/>: a run or an adapter may override it.</summary>
    /// <param name="name">Name of the input and of its default.</param>
    /// <param name="data">The default.</param>
    /// <param name="shape">The declared shape when it is more general than the default's, for example a symbolic LoRA rank.</param>
    public Value OverridableInput(string name, TensorData data, TensorShape? shape = null)
    {
        var value = new Value(name, data.Type, shape ?? TensorShape.Of(data.Shape.AsSpan())) { Data = data };
        Graph.AddInput(value);
        Graph.AddInitializer(value);
        return value;
    }

    /// <summary>Adds a constant under its own name, usually the name of a weight in the checkpoint.</summary>
    public Value Initializer(string name, TensorData data)
    {
        var value = new Value(name, data.Type, TensorShape.Of(data.Shape.AsSpan())) { Data = data, Elements = ShapeContext.ElementsOf(data) };
        Graph.AddInitializer(value);
        return value;
    }

    /// <summary>Adds a small constant under a generated name; equal constants are stored once.</summary>
    public Value Constant(TensorData data)
    {
        var key = (data.Type, string.Join(',', data.Shape), Convert.ToBase64String(data.Bytes.Span));
        if (!_constants.TryGetValue(key, out var value) || Graph.FindInitializer(value.Name) != value)
        {
            value = Initializer(Unique("constant", Graph.HasName), data);
            _constants[key] = value;
        }

        return value;
    }

    /// <summary>A constant without axes, of the element type of <paramref name="like"/>.</summary>
    public Value Scalar(double number, Value like) => Scalar(number, like.Type);

    /// <summary>A constant without axes.</summary>
    /// <exception cref="OnnxGraphException">A type that is neither a float nor a 32/64-bit integer.</exception>
    public Value Scalar(double number, ElementType type = ElementType.Float) => Constant(type switch
    {
        ElementType.Float => TensorData.Scalar((float)number),
        ElementType.Double => TensorData.Scalar(number),
        ElementType.Float16 => TensorData.Scalar((Half)number),
        ElementType.Int64 => TensorData.Scalar(checked((long)number)),
        ElementType.Int32 => TensorData.Scalar(checked((int)number)),
        _ => throw new OnnxGraphException($"A scalar constant of type {type} was asked for; Float, Double, Float16, Int64 and Int32 are possible."),
    });

    /// <summary>A one-dimensional integer constant: axes, shapes, starts, sizes.</summary>
    public Value Int64s(params ReadOnlySpan<long> numbers) => Constant(TensorData.FromValues([numbers.Length], numbers));

    /// <summary>A float constant of the given shape.</summary>
    public Value Floats(ReadOnlySpan<long> shape, ReadOnlySpan<float> numbers) => Constant(TensorData.FromValues(shape, numbers));

    /// <summary>Declares <paramref name="value"/> an output of the graph, under <paramref name="name"/> when that is given.</summary>
    public Value Output(Value value, string? name = null)
    {
        if (name is not null && value.Name != name)
        {
            if (value.Producer is null || Graph.Outputs.Contains(value))
            {
                value = Identity(value);
            }

            Graph.Rename(value, name);
        }

        Graph.AddOutput(value);
        return value;
    }

    /// <summary>Appends a call of any operator with one output.</summary>
    public Value Node(string opType, ReadOnlySpan<Value?> inputs, params ReadOnlySpan<(string Name, AttributeValue Value)> attributes) =>
        Nodes("", opType, inputs, 1, attributes)[0];

    /// <summary>Appends a call of any operator of any domain.</summary>
    /// <param name="domain">Empty for standard ONNX, else for example <c>com.microsoft</c>.</param>
    /// <param name="opType">Operator name.</param>
    /// <param name="inputs">Inputs, null where an optional one is left out; trailing nulls are dropped.</param>
    /// <param name="outputs">How many outputs to make.</param>
    /// <param name="attributes">Attributes.</param>
    /// <exception cref="OnnxGraphException">Inputs that the operator does not take.</exception>
    public IReadOnlyList<Value> Nodes(
        string domain, string opType, ReadOnlySpan<Value?> inputs, int outputs, params ReadOnlySpan<(string Name, AttributeValue Value)> attributes)
    {
        var used = inputs.Length;
        while (used > 0 && inputs[used - 1] is null)
        {
            used--;
        }

        var name = Unique(_scope.Length == 0 ? opType : $"{_scope}/{opType}", candidate => Graph.HasName(candidate) || Graph.HasName(Graph.NodeKey(candidate)));
        var node = new Node(domain, opType, name, inputs[..used].ToArray(),
            attributes.ToArray().Select(attribute => KeyValuePair.Create(attribute.Name, attribute.Value)));
        var values = new Value[outputs];
        for (var i = 0; i < outputs; i++)
        {
            var outputName = Unique(i == 0 ? $"{name}:0" : string.Create(CultureInfo.InvariantCulture, $"{name}:{i}"), Graph.HasName);
            values[i] = new Value(outputName, ElementType.Undefined, null) { Producer = node };
        }

        node.Outputs = values;
        ShapeInference.Infer(node);
        Graph.AddNode(node);
        return values;
    }

    private string Unique(string stem, Func<string, bool> taken)
    {
        if (!taken(stem))
        {
            return stem;
        }

        ref var counter = ref CollectionsMarshal.GetValueRefOrAddDefault(_counters, stem, out _);
        string candidate;
        do
        {
            candidate = string.Create(CultureInfo.InvariantCulture, $"{stem}_{++counter}");
        }
        while (taken(candidate));
        return candidate;
    }

    private sealed class ScopeEnd(GraphBuilder builder, string outer) : IDisposable
    {
        public void Dispose() => builder._scope = outer;
    }
}
