using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// A dataflow graph: inputs, initializers, nodes and outputs. Values are shared objects, so a rewrite replaces references,
/// never names. Change it through <see cref="GraphBuilder"/>.
/// </summary>
public sealed class Graph(string name)
{
    private readonly List<Value> _inputs = [];
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

    /// <summary>Every node that reads <paramref name="value"/>.</summary>
    public IEnumerable<Node> Consumers(Value value) => _nodes.Where(node => node.Inputs.Contains(value));

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
        foreach (var unused in _initializerOrder.Where(value => !live.Contains(value) && !_inputs.Contains(value)).ToList())
        {
            RemoveInitializer(unused);
        }
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

    /// <summary>The values of this graph that the bodies (If, Loop, Scan) of a node read directly.</summary>
    internal static IEnumerable<Value> OuterValues(Node node)
    {
        foreach (var attribute in node.Attributes.Values)
        {
            foreach (var body in attribute.Content switch { Graph one => [one], Graph[] many => many, _ => Array.Empty<Graph>() })
            {
                foreach (var inner in body.Nodes)
                {
                    foreach (var value in inner.Inputs.Concat(OuterValues(inner)).OfType<Value>())
                    {
                        yield return value;
                    }
                }

                foreach (var output in body.Outputs)
                {
                    yield return output;
                }
            }
        }
    }

    internal bool HasName(string name) => _names.Contains(name);

    internal void AddInput(Value value)
    {
        Claim(value.Name);
        _inputs.Add(value);
    }

    internal void AddOutput(Value value) => _outputs.Add(value);

    internal void SetOutputs(IEnumerable<Value> values)
    {
        Value[] outputs = [.. values];
        _outputs.Clear();
        _outputs.AddRange(outputs);
    }

    internal void MoveInputToEnd(Value value)
    {
        _inputs.Remove(value);
        _inputs.Add(value);
    }

    internal void RemoveInput(Value value)
    {
        _inputs.Remove(value);
        _ = value.Data is null && _names.Remove(value.Name);
    }

    internal void AddInitializer(Value value)
    {
        if (!_inputs.Contains(value))
        {
            Claim(value.Name);
        }

        _initializers.Add(value.Name, value);
        _initializerOrder.Add(value);
    }

    /// <summary>Makes an initializer an overridable input: its content becomes the default.</summary>
    internal void PromoteToInput(Value initializer) => _inputs.Add(initializer);

    internal void RemoveInitializer(Value value)
    {
        _initializers.Remove(value.Name);
        _initializerOrder.Remove(value);
        _ = !_inputs.Contains(value) && _names.Remove(value.Name);
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

    internal void Rename(Value value, string name)
    {
        Claim(name);
        _names.Remove(value.Name);
        if (_initializers.Remove(value.Name))
        {
            _initializers.Add(name, value);
        }

        value.Name = name;
    }

    internal static string NodeKey(string name) => "node:" + name;

    private void Claim(string name)
    {
        if (!_names.Add(name))
        {
            throw new OnnxGraphException($"Graph {Name} already has a value named {name}; names must be unique.");
        }
    }
}
