using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Trainer;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Merging;

/// <summary>Computes, once and with ONNX Runtime itself, what depends on constants only and on at least one of the chosen ones.</summary>
internal static class ConstantFolding
{
    /// <summary>Folds. A tensor that is only transposed or reshaped keeps the tensor's name, so that weights are called as before the adapter.</summary>
    public static void Run(OnnxModel model, IReadOnlySet<string> names)
    {
        var graph = model.Graph;
        var chosen = graph.Initializers.Where(value => names.Contains(value.Name)).ToHashSet();
        var constant = graph.Initializers.Where(value => GraphConstants.IsConstant(graph, value)).ToHashSet();
        var folded = new List<Node>();
        foreach (var node in graph.Nodes)
        {
            var inputs = node.Inputs.OfType<Value>().ToList();
            if (inputs.TrueForAll(constant.Contains) && inputs.Exists(chosen.Contains))
            {
                folded.Add(node);
                constant.UnionWith(node.Outputs.OfType<Value>());
                chosen.UnionWith(node.Outputs.OfType<Value>());
            }
            else if (inputs.Count > 0 && inputs.TrueForAll(constant.Contains) && Feeds(graph, node, names))
            {
                folded.Add(node);   // for example a slice of the frozen weight that DoRA's norm is computed from
                constant.UnionWith(node.Outputs.OfType<Value>());
            }
        }

        var inner = folded.ToHashSet();
        var wanted = folded.SelectMany(node => node.Outputs).OfType<Value>()
            .Where(value => chosen.Contains(value) && (graph.Outputs.Contains(value) || graph.Consumers(value).Any(node => !inner.Contains(node)))).ToList();
        if (wanted.Count == 0)
        {
            return;
        }

        foreach (var (value, data) in wanted.Zip(Compute(model, wanted)))
        {
            Replace(graph, value, data);
        }

        graph.RemoveUnused();
    }

    /// <summary>True when all that is made of a node's outputs ends beside a chosen constant; such a node is cheap to keep out of the graph.</summary>
    private static bool Feeds(Graph graph, Node node, IReadOnlySet<string> names) =>
        node.Outputs.OfType<Value>().All(output => graph.Consumers(output).All(consumer => consumer.Inputs.OfType<Value>().Any(input => DependsOn(input, names))));

    private static bool DependsOn(Value value, IReadOnlySet<string> names) => names.Contains(value.Name)
        || (value.Producer is { } producer && producer.Inputs.OfType<Value>().Any(input => DependsOn(input, names)));

    private static List<TensorData> Compute(OnnxModel model, List<Value> wanted)
    {
        var copy = new OnnxModel(model.Graph.Clone(out var copies)) { IrVersion = model.IrVersion };
        foreach (var (domain, version) in model.Opsets)
        {
            copy.Opsets[domain] = version;
        }

        copy.Graph.SetOutputs(wanted.Select(value => copies[value]));
        copy.Graph.RemoveUnused();
        foreach (var input in copy.Graph.Inputs.ToList())
        {
            copy.Graph.RemoveInput(input);
        }

        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(copy.ToBytes(), options);
        using var run = new RunOptions();
        using var results = session.Run(run, Array.Empty<string>(), Array.Empty<OrtValue>(), wanted.Select(value => copies[value].Name).ToList());
        return [.. results.Select(NativeTensor.Read)];
    }

    private static void Replace(Graph graph, Value value, TensorData data)
    {
        var op = new GraphBuilder(graph);
        var source = value;
        while (source.Producer is { OpType: "Transpose" or "Reshape" } layout && graph.Consumers(layout.Input(0)).Count() == 1)
        {
            source = layout.Input(0);
        }

        if (source != value && source.Producer is null)
        {
            var name = source.Name;
            graph.Rename(source, $"{name}.before_merge");
            graph.ReplaceUses(value, op.Initializer(name, data));
            return;
        }

        graph.ReplaceUses(value, op.Initializer($"{value.Name}.merged", data));
    }
}
