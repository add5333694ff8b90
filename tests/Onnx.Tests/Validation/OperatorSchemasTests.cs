using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Onnx.Tests.Validation;

/// <summary>Holds the table of operators against what ONNX Runtime itself says when it checks a node.</summary>
public class OperatorSchemasTests
{
    public static TheoryData<string> Schemas => [.. OperatorSchemas.All.Select(Name)];

    [Theory, MemberData(nameof(Schemas))]
    public void ONNX_Runtime_agrees_on_inputs_outputs_and_attributes(string name)
    {
        var schema = OperatorSchemas.All.Single(schema => Name(schema) == name);
        var inputs = Enumerable.Repeat(schema.RequiredInputs, 1).Select(count => schema.IsVariadic ? Math.Max(count, 1) : count).Single();
        if (schema.MaximumInputs > inputs || schema.IsVariadic)
        {
            Accepts(schema, Math.Min(schema.MaximumInputs, inputs + 8));
        }

        Accepts(schema, inputs);
        if (schema.OpType == "Constant")
        {
            return; // ONNX Runtime turns it into an initializer before it would check it
        }

        if (!schema.IsVariadic)
        {
            Refuses(schema, "has input size", schema.InputKinds.Length + 1);
        }

        if (schema.MaximumOutputs < int.MaxValue)
        {
            Refuses(schema, "has output size", inputs, outputs: schema.MaximumOutputs + 1);
        }

        if (schema.OpType != "LayerNormalization") // which ONNX Runtime declares itself, with attributes unchecked
        {
            Refuses(schema, "nrecognized attribute", inputs, attribute: new AttributeProto { Name = "not_there", I = 1, Type = AttributeProto.Types.AttributeType.Int });
        }

        if (schema.RequiredInputs > 0)
        {
            Refuses(schema, "has input size", schema.RequiredInputs - 1, otherwise: "not in range");
        }

        foreach (var (attribute, (kind, required)) in schema.Attributes)
        {
            var wrong = kind == "i"
                ? new AttributeProto { Name = attribute, S = ByteString.CopyFromUtf8("x"), Type = AttributeProto.Types.AttributeType.String }
                : new AttributeProto { Name = attribute, I = 1, Type = AttributeProto.Types.AttributeType.Int };
            Refuses(schema, attribute, inputs, attribute: wrong);
            if (required)
            {
                Refuses(schema, attribute, inputs, without: attribute);
            }
        }
    }

    [Theory, MemberData(nameof(Schemas))]
    public void ONNX_Runtime_refuses_the_element_types_that_the_table_refuses(string name)
    {
        var schema = OperatorSchemas.All.Single(schema => Name(schema) == name);
        for (var input = 0; input < schema.InputKinds.Length; input++)
        {
            if (schema.KindOf(input) != '*' && schema is not { OpType: "Loop" or "If" or "Scan" })
            {
                Refuses(schema, "ype", schema.InputKinds.Length, wrongType: input);
            }
        }
    }

    private static string Name(OperatorSchema schema) => $"{schema.Domain}.{schema.OpType}@{schema.Since}";

    private static void Accepts(OperatorSchema schema, int inputs)
    {
        var message = Check(schema, inputs, Math.Max(1, schema.MinimumOutputs), null, null, -1);
        Assert.DoesNotContain("input size", message, StringComparison.Ordinal);
        Assert.DoesNotContain("nrecognized attribute", message, StringComparison.Ordinal);
        Assert.DoesNotContain("is not a registered function/op", message, StringComparison.Ordinal);
    }

    private static void Refuses(
        OperatorSchema schema, string why, int inputs, int? outputs = null, AttributeProto? attribute = null, string? without = null, int wrongType = -1, string? otherwise = null)
    {
        var message = Check(schema, inputs, outputs ?? Math.Max(1, schema.MinimumOutputs), attribute, without, wrongType);
        Assert.True(message.Contains(why, StringComparison.Ordinal) || (otherwise is not null && message.Contains(otherwise, StringComparison.Ordinal)),
            $"{Name(schema)} with {inputs} inputs, {outputs} outputs, {attribute}, without {without}, wrong type {wrongType}: expected '{why}', found '{message}'");
    }

    private static string Check(OperatorSchema schema, int inputs, int outputs, AttributeProto? attribute, string? without, int wrongType)
    {
        var node = new NodeProto { OpType = schema.OpType, Domain = schema.Domain, Name = "node" };
        var graph = new GraphProto { Name = "g", Node = { node } };
        for (var i = 0; i < inputs; i++)
        {
            var kind = i < schema.InputKinds.Length ? schema.KindOf(i) : '*';
            graph.Input.Add(new ValueInfoProto { Name = $"x{i}", Type = new TypeProto { TensorType = new() { ElemType = (int)Type(kind, i == wrongType) } } });
            node.Input.Add($"x{i}");
        }

        for (var i = 0; i < outputs; i++)
        {
            node.Output.Add($"y{i}");
        }

        graph.Output.Add(new ValueInfoProto { Name = "y0" });
        foreach (var (name, (kind, required)) in schema.Attributes)
        {
            if ((required && name != without && attribute?.Name != name) || (schema.OpType == "Constant" && name == "value_int" && attribute?.Name != name))
            {
                node.Attribute.Add(Default(name, kind));
            }
        }

        if (attribute is not null)
        {
            node.Attribute.Add(attribute);
        }

        var model = new ModelProto { IrVersion = 9, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = schema.Domain.Length > 0 ? 20 : Math.Max(schema.Since, OperatorSchemas.Oldest) });
        if (schema.Domain.Length > 0)
        {
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = schema.Domain, Version = 1 });
        }

        try
        {
            using var options = Ort.Quiet;
            using var session = new InferenceSession(model.ToByteArray(), options);
            return "";
        }
        catch (OnnxRuntimeException failure)
        {
            return failure.Message;
        }
    }

    private static ElementType Type(char kind, bool wrong) => kind switch
    {
        'F' or 'N' or '*' => wrong ? ElementType.Bool : ElementType.Float,
        'I' or 'L' => wrong ? ElementType.Float : ElementType.Int64,
        'B' => wrong ? ElementType.Float : ElementType.Bool,
        _ => wrong ? ElementType.Float : ElementType.UInt8,
    };

    private static AttributeProto Default(string name, string kind) => kind switch
    {
        "i" => new() { Name = name, I = 1, Type = AttributeProto.Types.AttributeType.Int },
        "is" => new() { Name = name, Ints = { 1, 1 }, Type = AttributeProto.Types.AttributeType.Ints },
        "s" => new() { Name = name, S = ByteString.CopyFromUtf8("LEFT"), Type = AttributeProto.Types.AttributeType.String },
        "g" => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = new GraphProto { Name = name } },
        _ => throw new NotSupportedException(kind),
    };
}
