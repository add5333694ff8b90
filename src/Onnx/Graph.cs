using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// A dataflow graph: inputs, initializers, nodes and outputs. Values are shared objects, so a rewrite replaces references,
/// never names. Change it through <see cref="GraphBuilder"/>.
/// </summary>
public sealed class Graph(string name)
{
    private readonly List<Value> _inputs = [];
    private readonly HashSet<Value> _inputSet = [];
    private readonly List<Value> _outputs = [];
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<string, Value> _initializers = new(StringComparer.Ordinal);
    private readonly List<Value> _initializerOrder = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Name of the graph.</summary>
    public string Name { get; } = name;

    /// <summary>Inputs in order, overridable ones (with <see cref="Value.Data"/>) included.</summary>
    public IReadOnlyList<Value> Inputs => _inputs;

    /// <summary>Outputs in order.</summary>
    public IReadOnlyList<Value> Outputs => _outputs;

    /// <summary>Nodes in an order in which every value is made before it is used (see <see cref="Sort"/>).</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Constants and defaults in the order of their creation.</summary>
    public IReadOnlyList<Value> Initializers => _initializerOrder;

    /// <summary>The initializer of that name, or null.</summary>
    public Value? FindInitializer(string name) => _initializers.GetValueOrDefault(name);

    /// <summary>The input of that name, or null.</summary>
    public Value? FindInput(string name) => _inputs.Find(input => input.Name == name);

    /// <summary>The output of that name, or null.</summary>
    public Value? FindOutput(string name) => _outputs.Find(output => output.Name == name);

    /// <summary>Every node that reads <paramref name="value"/>; bodies (If, Loop, Scan) count for the node that holds them.</summary>
    public IEnumerable<Node> Consumers(Value value) => _nodes.Where(node => node.Inputs.Contains(value) || OuterValues(node).Contains(value));

    /// <summary>An independent copy. Values and nodes are new objects, tensors are shared.</summary>
    /// <exception cref="OnnxGraphException">A value is used before it is made (see <see cref="Sort"/>).</exception>
    public Graph Clone() => Clone(out _);

    /// <summary>An independent copy and, for each value of this graph, its copy.</summary>
    /// <exception cref="OnnxGraphException">A value is used before it is made (see <see cref="Sort"/>).</exception>
    public Graph Clone(out IReadOnlyDictionary<Value, Value> copies)
    {
        var cloner = new GraphCloner();
        var copy = cloner.Clone(this);
        copies = cloner.Map;
        return copy;
    }

    /// <summary>Makes every node listed in <paramref name="where"/> (default: all) and every graph output that uses
    /// <paramref name="old"/> use <paramref name="replacement"/> instead.</summary>
    public void ReplaceUses(Value old, Value replacement, Func<Node, bool>? where = null)
    {
        foreach (var node in _nodes.Where(node => where is null || where(node)))
        {
            for (var i = 0; i < node.Inputs.Count; i++)
            {
                if (node.Inputs[i] == old)
                {
                    node.SetInput(i, replacement);
                }
            }

            foreach (var body in Bodies(node))
            {
                body.ReplaceUses(old, replacement);
            }
        }

        if (where is null)
        {
            for (var i = 0; i < _outputs.Count; i++)
            {
                if (_outputs[i] == old)
                {
                    _outputs[i] = replacement;
                }
            }
        }
    }

    /// <summary>Gives a symbol of the inputs' shapes a number and infers all shapes anew.</summary>
    /// <exception cref="OnnxGraphException">The number contradicts an operator.</exception>
    public void Bind(string symbol, long extent)
    {
        foreach (var input in _inputs.Where(input => input.Shape is not null))
        {
            input.Shape = new TensorShape(input.KnownShape.Select(dim => dim.Symbol == symbol ? extent : dim));
        }

        foreach (var node in _nodes)
        {
            var known = node.Outputs.Select(output => output?.Shape?.Select(dim => dim.Symbol == symbol ? extent : dim).ToList()).ToList();
            ShapeInference.Infer(node);
            for (var i = 0; i < known.Count; i++)
            {
                // What was known and cannot be inferred, such as the shape of ReshapeAs, stays known.
                if (node.Outputs[i] is { } output && known[i] is { } before && (output.Shape is null || output.Shape.Rank == before.Count))
                {
                    output.Shape = output.Shape is null ? new TensorShape(before) : new TensorShape(output.Shape.Zip(before, (now, old) => now.IsUnknown ? old : now));
                }
            }
        }
    }

    /// <summary>Removes nodes and initializers that no output depends on. Inputs stay.</summary>
    public void RemoveUnused()
    {
        var live = new HashSet<Value>();
        var pending = new Stack<Value>(_outputs);
        while (pending.TryPop(out var value))
        {
            if (live.Add(value) && value.Producer is { } node)
            {
                foreach (var input in node.Inputs.Concat(OuterValues(node)))
                {
                    if (input is not null)
                    {
                        pending.Push(input);
                    }
                }
            }
        }

        foreach (var node in _nodes.Where(node => !node.Outputs.Any(output => output is not null && live.Contains(output))))
        {
            foreach (var output in node.Outputs)
            {
                _ = output is not null && _names.Remove(output.Name);
            }

            _ = _names.Remove(NodeKey(node.Name));
        }

        _nodes.RemoveAll(node => !node.Outputs.Any(output => output is not null && live.Contains(output)));
        foreach (var unused in _initializerOrder.Where(value => !live.Contains(value) && !_inputSet.Contains(value)))
        {
            _initializers.Remove(unused.Name);
            _names.Remove(unused.Name);
        }

        _initializerOrder.RemoveAll(value => !live.Contains(value) && !_inputSet.Contains(value));
    }

    /// <summary>Orders the nodes so that every value is made before it is used, keeping the present order where it can.</summary>
    /// <exception cref="OnnxGraphException">The graph has a cycle; the message names a node on it.</exception>
    public void Sort()
    {
        var sorted = new List<Node>(_nodes.Count);
        var state = new Dictionary<Node, bool>(_nodes.Count); // false: entered, true: done
        var stack = new Stack<(Node Node, IEnumerator<Node> Sources)>();
        foreach (var root in _nodes)
        {
            Enter(root);
            while (stack.TryPeek(out var top))
            {
                if (top.Sources.MoveNext())
                {
                    Enter(top.Sources.Current);
                    continue;
                }

                stack.Pop();
                state[top.Node] = true;
                sorted.Add(top.Node);
            }
        }

        _nodes.Clear();
        _nodes.AddRange(sorted);

        void Enter(Node node)
        {
            if (state.TryGetValue(node, out var done))
            {
                if (!done)
                {
                    throw new OnnxGraphException($"Graph {Name} has a cycle through {node}; a graph must be acyclic.");
                }

                return;
            }

            state[node] = false;
            stack.Push((node, Sources(node).GetEnumerator()));
        }

        static IEnumerable<Node> Sources(Node node) => node.Inputs.Concat(OuterValues(node))
            .Select(input => input?.Producer).OfType<Node>();
    }

    /// <summary>The values that the bodies (If, Loop, Scan) of a node read directly from the graphs around them.</summary>
    internal static IEnumerable<Value> OuterValues(Node node)
    {
        foreach (var body in Bodies(node))
        {
            var own = body.Inputs.Concat(body.Initializers).Concat(body.Nodes.SelectMany(inner => inner.Outputs).OfType<Value>()).ToHashSet();
            foreach (var value in body.Nodes.SelectMany(inner => inner.Inputs.Concat(OuterValues(inner))).Concat(body.Outputs).OfType<Value>())
            {
                if (!own.Contains(value))
                {
                    yield return value;
                }
            }
        }
    }

    /// <summary>The nodes of this graph and of the bodies in it.</summary>
    internal IEnumerable<Node> AllNodes() => _nodes.SelectMany(node => Bodies(node).SelectMany(body => body.AllNodes()).Prepend(node));

    /// <summary>The bodies (If, Loop, Scan) that a node holds.</summary>
    internal static IEnumerable<Graph> Bodies(Node node) => node.Attributes.Values.SelectMany(attribute => attribute.Content switch
    {
        Graph one => [one],
        Graph[] many => many,
        _ => Array.Empty<Graph>(),
    });

    internal bool HasName(string name) => _names.Contains(name);

    internal void AddInput(Value value)
    {
        Claim(value.Name);
        _inputs.Add(value);
        _inputSet.Add(value);
    }

    internal void AddOutput(Value value) => _outputs.Add(value);

    /// <summary>Replaces the list of outputs.</summary>
    public void SetOutputs(params IEnumerable<Value> values)
    {
        Value[] outputs = [.. values];
        _outputs.Clear();
        _outputs.AddRange(outputs);
    }

    /// <summary>Makes <paramref name="value"/> the last input.</summary>
    /// <exception cref="OnnxGraphException">It is not an input.</exception>
    public void MoveInputToEnd(Value value)
    {
        ExpectInput(value);
        _inputs.Remove(value);
        _inputs.Add(value);
    }

    /// <summary>Removes an input; one with a default stays as a constant.</summary>
    /// <exception cref="OnnxGraphException">It is not an input.</exception>
    public void RemoveInput(Value value)
    {
        ExpectInput(value);
        _inputs.Remove(value);
        _inputSet.Remove(value);
        _ = value.Data is null && _names.Remove(value.Name);
    }

    /// <summary>Makes an initializer an overridable input, the last one: its content becomes the default.</summary>
    /// <exception cref="OnnxGraphException">It is not an initializer of this graph.</exception>
    public void PromoteToInput(Value initializer)
    {
        ExpectInitializer(initializer);
        if (_inputSet.Add(initializer))
        {
            _inputs.Add(initializer);
        }
    }

    /// <summary>Removes an initializer that nothing uses any longer; an overridable input becomes one without a default.</summary>
    /// <exception cref="OnnxGraphException">It is not an initializer of this graph.</exception>
    public void RemoveInitializer(Value value)
    {
        ExpectInitializer(value);
        _initializers.Remove(value.Name);
        _initializerOrder.Remove(value);
        if (_inputSet.Contains(value))
        {
            value.Data = null;
        }
        else
        {
            _names.Remove(value.Name);
        }
    }

    /// <summary>Gives a value of this graph another name.</summary>
    /// <exception cref="OnnxGraphException">The name is taken.</exception>
    public void Rename(Value value, string name)
    {
        if (value.Name == name)
        {
            return;
        }

        Claim(name);
        _names.Remove(value.Name);
        if (_initializers.Remove(value.Name))
        {
            _initializers.Add(name, value);
        }

        value.Name = name;
    }

    internal bool IsInput(Value value) => _inputSet.Contains(value);

    internal void AddInitializer(Value value)
    {
        if (!_inputSet.Contains(value))
        {
            Claim(value.Name);
        }

        _initializers.Add(value.Name, value);
        _initializerOrder.Add(value);
    }

    internal void AddNode(Node node)
    {
        foreach (var output in node.Outputs.OfType<Value>())
        {
            Claim(output.Name);
        }

        _names.Add(NodeKey(node.Name));
        _nodes.Add(node);
    }

    /// <summary>Takes the name of an output that a node already in the graph has been given.</summary>
    internal void ClaimOutput(Value added) => Claim(added.Name);

    internal static string NodeKey(string name) => "node:" + name;

    private void ExpectInput(Value value)
    {
        if (!_inputSet.Contains(value))
        {
            throw new OnnxGraphException($"{value.Name} is not an input of graph {Name}; its inputs are {string.Join(", ", _inputs.Select(input => input.Name))}.");
        }
    }

    private void ExpectInitializer(Value value)
    {
        if (_initializers.GetValueOrDefault(value.Name) != value)
        {
            throw new OnnxGraphException($"{value.Name} is not an initializer of graph {Name}; it has {_initializers.Count} others.");
        }
    }

    private void Claim(string name)
    {
        if (!_names.Add(name))
        {
            throw new OnnxGraphException($"Graph {Name} already has a value named {name}; names must be unique.");
        }
    }
}
