using EoOnnx.Formats;
using EoOnnx.Onnx.Tests.Shapes;

namespace EoOnnx.Onnx.Tests.Validation;

public class OnnxValidatorTests
{
    [Fact]
    public void What_ONNX_Runtime_runs_is_valid() =>
        Assert.All(ShapeCases.All, @case => Assert.Empty(OnnxValidator.Check(@case.Build(symbolic: true).Model)));

    [Fact]
    public void Every_operator_that_has_a_shape_rule_is_described() =>
        Assert.Empty(ShapeInference.Operators.Except(OperatorSchemas.All.Select(schema => schema.Domain.Length == 0 ? schema.OpType : $"{schema.Domain}.{schema.OpType}")));

    [Fact]
    public void A_wrong_number_of_inputs_is_reported_with_both_numbers() => Reports(
        Damaged(graph => Add(graph, "Conv", [graph.Inputs[0]])), "Conv (node added)", "has 1 inputs; expected 2 to 3");

    [Fact]
    public void A_missing_required_input_is_reported_by_position() => Reports(
        Damaged(graph => Add(graph, "Where", [null, graph.Inputs[0], graph.Inputs[0]])), "Where (node added)", "input 0 is left out");

    [Fact]
    public void A_wrong_element_type_is_reported_with_input_expected_and_found() => Reports(
        Damaged(graph => Add(graph, "Not", [graph.Inputs[0]])), "Not (node added)", "input 0 (x) is Float; expected Bool");

    [Fact]
    public void Attributes_are_reported_when_unknown_missing_or_of_another_kind()
    {
        Reports(Damaged(graph => Add(graph, "Neg", [graph.Inputs[0]], ("slope", 1f))), "Neg (node added)", "attribute slope");
        Reports(Damaged(graph => Add(graph, "Concat", [graph.Inputs[0]])), "Concat (node added)", "lacks the attribute axis");
        Reports(Damaged(graph => Add(graph, "Softmax", [graph.Inputs[0]], ("axis", 1f))), "Softmax (node added)", "attribute axis is a float; expected an integer");
    }

    [Fact]
    public void A_value_of_another_graph_is_reported_with_the_input() => Reports(
        Damaged(graph => Add(graph, "Neg", [new Value("stranger", ElementType.Float, null)])), "Neg (node added)", "input 0 is stranger, which nothing");

    [Fact]
    public void A_value_that_is_used_before_it_is_made_names_its_producer()
    {
        var model = Model();
        var op = new GraphBuilder(model.Graph);
        model.Graph.ReplaceUses(model.Graph.Inputs[0], op.Neg(model.Graph.Inputs[0]), node => node.OpType == "MatMul");
        Reports(model, "MatMul (node MatMul)", "which Neg (node Neg) makes only later");
        model.Graph.Sort();
        Assert.Empty(OnnxValidator.Check(model));
    }

    [Fact]
    public void Names_used_twice_are_reported() => Reports(
        Damaged(graph => Add(graph, "Neg", [graph.Inputs[0]]).Output.Name = "w"), "output of Neg (node added), w", "already taken");

    [Fact]
    public void An_output_that_nothing_makes_is_reported() => Reports(
        Damaged(graph => graph.AddOutput(new Value("nowhere", ElementType.Float, null))), "output nowhere", "made by no node");

    [Fact]
    public void An_output_listed_twice_is_reported() => Reports(Damaged(graph => graph.AddOutput(graph.Outputs[0])), "output y", "listed 2 times");

    [Fact]
    public void An_initializer_that_is_not_what_it_is_declared_is_reported() => Reports(
        Damaged(graph => graph.FindInitializer("w")!.Shape = [4, 3]), "initializer w", "is declared [4, 3]; its content is [4, 2]");

    [Fact]
    public void A_stated_shape_that_the_node_does_not_make_is_reported() => Reports(
        Damaged(graph => graph.Outputs[0].Shape = ["batch", 7]), "MatMul (node MatMul)", "output y is declared [batch, 7]; the node makes [batch, 2]");

    [Fact]
    public void Shapes_that_do_not_fit_are_reported() => Reports(
        Damaged(graph => graph.Inputs[0].Shape = ["batch", 7]), "MatMul (node MatMul)", "input 0 has 7, input 1 has 4");

    [Fact]
    public void An_operator_that_the_opset_does_not_have_yet_is_reported_with_both_opsets()
    {
        var model = Model();
        var op = new GraphBuilder(model.Graph);
        model.Graph.SetOutputs(op.Gelu(model.Graph.Outputs[0]));
        Assert.Empty(OnnxValidator.Check(model));
        model.Opsets[""] = 17;
        Reports(model, "Gelu (node Gelu)", "exists since opset 20; the model states opset 17");
    }

    [Fact]
    public void Versions_that_cannot_be_are_reported()
    {
        var model = new OnnxModel(Model().Graph) { IrVersion = 1 };
        model.Opsets.Clear();
        Reports(model, "model", "IR version is 1");
        Reports(model, "model", "opset import");
    }

    [Fact]
    public void An_invalid_model_is_refused_with_its_defects() =>
        Assert.Contains("expected Bool", Assert.Throws<OnnxGraphException>(() => OnnxValidator.ThrowIfInvalid(Damaged(graph => Add(graph, "Not", [graph.Inputs[0]])))).Message, StringComparison.Ordinal);

    private static void Reports(OnnxModel model, string where, string what) =>
        Assert.Contains(OnnxValidator.Check(model), defect => defect.Where == where && defect.What.Contains(what, StringComparison.Ordinal));

    private static OnnxModel Damaged(Action<Graph> damage)
    {
        var model = Model();
        Assert.Empty(OnnxValidator.Check(model));
        damage(model.Graph);
        return model;
    }

    private static OnnxModel Model()
    {
        var op = new GraphBuilder("model");
        var weight = op.Initializer("w", TensorData.FromValues<float>([4, 2], new float[8]));
        op.Output(op.MatMul(op.Input("x", ElementType.Float, ["batch", 4]), weight), "y");
        return new OnnxModel(op.Graph);
    }

    /// <summary>Appends a node that the builder itself would refuse.</summary>
    private static Node Add(Graph graph, string opType, Value?[] inputs, params (string Name, AttributeValue Value)[] attributes)
    {
        var node = new Node("", opType, "added", inputs, attributes.Select(attribute => KeyValuePair.Create(attribute.Name, attribute.Value)));
        node.Outputs = [new Value("added", ElementType.Undefined, null) { Producer = node }];
        graph.AddNode(node);
        return node;
    }
}
