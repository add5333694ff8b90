using System.Globalization;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// Checks a model as ONNX Runtime would before it runs it, with messages for people: opsets, names, order, number and types of
/// inputs, attributes, shapes, and that declared types are the ones that follow from the nodes.
/// </summary>
public sealed class OnnxValidator
{
    private const int MaximumListed = 10;
    private readonly OnnxModel _model;
    private readonly List<OnnxDefect> _defects = [];
    private readonly HashSet<string> _nodeNames = new(StringComparer.Ordinal);

    private OnnxValidator(OnnxModel model) => _model = model;

    /// <summary>Everything that is wrong with a model, in the order of its nodes; empty when it is valid. The model is not changed.</summary>
    /// <remarks>Operators that are not known here, of other domains or of opsets before 17 or after 21, are checked for names and order only.</remarks>
    public static IReadOnlyList<OnnxDefect> Check(OnnxModel model)
    {
        var validator = new OnnxValidator(model);
        validator.CheckVersions();
        validator.CheckGraph(model.Graph, []);
        if (validator._defects.Count == 0)
        {
            validator.CheckInference();
        }

        return validator._defects;
    }

    /// <summary>Refuses a model that is not valid.</summary>
    /// <exception cref="OnnxGraphException">The model has defects; the message lists the first ten.</exception>
    public static void ThrowIfInvalid(OnnxModel model)
    {
        var defects = Check(model);
        if (defects.Count > 0)
        {
            var listed = string.Join(Environment.NewLine, defects.Take(MaximumListed).Select(defect => $"  {defect}"));
            throw new OnnxGraphException($"Graph {model.Graph.Name} is not a valid ONNX model ({defects.Count} defects):{Environment.NewLine}{listed}" +
                (defects.Count > MaximumListed ? $"{Environment.NewLine}  and {defects.Count - MaximumListed} more" : ""));
        }
    }

    private void CheckVersions()
    {
        if (_model.IrVersion < 3)
        {
            Report("model", $"the IR version is {_model.IrVersion}; expected at least 3.");
        }

        if (!_model.Opsets.ContainsKey(""))
        {
            Report("model", "no version of the standard operators is stated; expected an opset import of domain ''.");
        }

        foreach (var (domain, version) in _model.Opsets.Where(opset => opset.Value < 1))
        {
            Report("model", $"the opset of domain '{domain}' is {version}; expected at least 1.");
        }
    }

    private void CheckGraph(Graph graph, HashSet<string> outerNames)
    {
        // Names may not be reused, not even from a graph around this one; values are known once they are made.
        var names = new HashSet<string>(outerNames, StringComparer.Ordinal);
        foreach (var input in graph.Inputs)
        {
            Claim(input, "input");
            if (input.Type == ElementType.Undefined)
            {
                Report($"input {input.Name}", "has no element type; expected one.");
            }
        }

        foreach (var initializer in graph.Initializers)
        {
            if (!graph.IsInput(initializer))
            {
                Claim(initializer, "initializer");
            }

            CheckInitializer(initializer);
        }

        foreach (var node in graph.Nodes)
        {
            CheckNode(node, graph, names);
            foreach (var output in node.Outputs.OfType<Value>())
            {
                Claim(output, $"output of {node},");
            }
        }

        foreach (var output in graph.Outputs)
        {
            if (!names.Contains(output.Name))
            {
                Report($"output {output.Name}", $"is made by no node, input or initializer of graph {graph.Name}.");
            }
        }

        foreach (var repeated in graph.Outputs.GroupBy(output => output.Name, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            Report($"output {repeated.Key}", $"is listed {repeated.Count()} times; expected once. Put an Identity between.");
        }

        void Claim(Value value, string what)
        {
            if (value.Name.Length == 0)
            {
                Report($"graph {graph.Name}", $"an {what} has no name.");
            }
            else if (!names.Add(value.Name))
            {
                Report($"{what} {value.Name}", "has a name that is already taken; every value needs its own.");
            }
        }
    }

    private void CheckInitializer(Value value)
    {
        if (value.Data is not { } data)
        {
            Report($"initializer {value.Name}", "has no content.");
            return;
        }

        if (data.Type != value.Type)
        {
            Report($"initializer {value.Name}", $"is declared {value.Type}; its content is {data.Type}.");
        }

        if (value.Shape is { } shape && (shape.Rank != data.Shape.Length || shape.Zip(data.Shape).Any(pair => pair.First.Contradicts(pair.Second))))
        {
            Report($"initializer {value.Name}", $"is declared {shape}; its content is [{string.Join(", ", data.Shape)}].");
        }
    }

    private void CheckNode(Node node, Graph graph, HashSet<string> known)
    {
        if (node.Name.Length > 0 && !_nodeNames.Add(node.Name))
        {
            Report(node.ToString(), "has a name that another node has; ONNX Runtime refuses that.");
        }

        for (var i = 0; i < node.Inputs.Count; i++)
        {
            if (node.Inputs[i] is { } input && !known.Contains(input.Name))
            {
                Report(node.ToString(), input.Producer is { } producer && graph.Nodes.Contains(producer)
                    ? $"input {i} is {input.Name}, which {producer} makes only later; expected an order in which every value is made before it is used (Graph.Sort)."
                    : $"input {i} is {input.Name}, which nothing in graph {graph.Name} makes.");
            }
        }

        foreach (var body in Graph.Bodies(node))
        {
            CheckGraph(body, known);
        }

        if (!_model.Opsets.TryGetValue(node.Domain, out var opset))
        {
            if (node.Domain.Length == 0)
            {
                return; // reported once for the model
            }

            opset = 1; // what the writer states for a domain that the model does not mention
        }

        CheckOperator(node, opset);
    }

    private void CheckOperator(Node node, long opset)
    {
        if (node.Domain.Length == 0 && opset is < OperatorSchemas.Oldest or > OperatorSchemas.Newest)
        {
            return;
        }

        if (OperatorSchemas.Find(node.Domain, node.OpType, opset) is not { } schema)
        {
            if (node.Domain.Length == 0 && OperatorSchemas.IntroducedIn(node.OpType) is { } since)
            {
                Report(node.ToString(), $"exists since opset {since}; the model states opset {opset}. Raise it, or lower the node with OpsetConverter.");
            }

            return;
        }

        if (node.Inputs.Count < schema.RequiredInputs || node.Inputs.Count > schema.MaximumInputs)
        {
            Report(node.ToString(), $"has {node.Inputs.Count} inputs; expected {Range(schema.RequiredInputs, schema.MaximumInputs)}.");
            return;
        }

        if (node.Outputs.Count < schema.MinimumOutputs || node.Outputs.Count > schema.MaximumOutputs)
        {
            Report(node.ToString(), $"has {node.Outputs.Count} outputs; expected {Range(schema.MinimumOutputs, schema.MaximumOutputs)}.");
        }

        for (var i = 0; i < node.Inputs.Count; i++)
        {
            if (node.Inputs[i] is not { } input)
            {
                if (schema.IsRequired(i))
                {
                    Report(node.ToString(), $"input {i} is left out; it is needed.");
                }
            }
            else if (!OperatorSchema.Accepts(schema.KindOf(i), input.Type))
            {
                Report(node.ToString(), $"input {i} ({input.Name}) is {input.Type}; expected {OperatorSchema.Describe(schema.KindOf(i))}.");
            }
        }

        CheckAttributes(node, schema, opset);
    }

    private void CheckAttributes(Node node, OperatorSchema schema, long opset)
    {
        foreach (var (name, attribute) in node.Attributes)
        {
            if (!schema.Attributes.TryGetValue(name, out var expected))
            {
                Report(node.ToString(), $"has the attribute {name}, which {node.OpType} of opset {opset} does not take; it takes {string.Join(", ", schema.Attributes.Keys.DefaultIfEmpty("none"))}.");
            }
            else if (OperatorSchema.KindOf(attribute) is var kind && kind != expected.Kind)
            {
                Report(node.ToString(), $"attribute {name} is {OperatorSchema.DescribeAttribute(kind)}; expected {OperatorSchema.DescribeAttribute(expected.Kind)}.");
            }
        }

        foreach (var (name, (_, required)) in schema.Attributes)
        {
            if (required && !node.Attributes.ContainsKey(name))
            {
                Report(node.ToString(), $"lacks the attribute {name}, which {node.OpType} needs.");
            }
        }
    }

    /// <summary>Infers all types and shapes anew, on a copy, and compares them with those that the model states.</summary>
    private void CheckInference()
    {
        var copy = _model.Graph.Clone(out var copies);
        var originals = copies.ToDictionary(pair => pair.Value, pair => pair.Key);
        foreach (var node in copy.Nodes)
        {
            var stated = node.Outputs.Select(output => (output?.Type, output?.Shape)).ToList();
            try
            {
                ShapeInference.Infer(node);
            }
            catch (OnnxGraphException contradiction)
            {
                Report(node.ToString(), contradiction.Message);
                return;
            }

            for (var i = 0; i < node.Outputs.Count; i++)
            {
                if (node.Outputs[i] is not { } output)
                {
                    continue;
                }

                var (type, shape) = stated[i];
                if (type is { } before && before != ElementType.Undefined && output.Type != before && output.Type != ElementType.Undefined)
                {
                    Report(node.ToString(), $"output {originals[output].Name} is declared {before}; the node makes {output.Type}.");
                }

                if (shape is not null && output.Shape is { } inferred && (shape.Rank != inferred.Rank || shape.Zip(inferred).Any(pair => pair.First.Contradicts(pair.Second))))
                {
                    Report(node.ToString(), $"output {originals[output].Name} is declared {shape}; the node makes {inferred}.");
                }
            }
        }
    }

    private static string Range(int least, int most) => least == most ? least.ToString(CultureInfo.InvariantCulture)
        : most == int.MaxValue ? string.Create(CultureInfo.InvariantCulture, $"at least {least}")
        : string.Create(CultureInfo.InvariantCulture, $"{least} to {most}");

    private void Report(string where, string what) => _defects.Add(new OnnxDefect(where, what));
}

/// <summary>Something that is wrong with a model.</summary>
/// <param name="Where">The node, input, output or initializer.</param>
/// <param name="What">What was expected and what was found.</param>
public sealed record OnnxDefect(string Where, string What)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Where}: {What}";
}
