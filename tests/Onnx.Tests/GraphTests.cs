using EoOnnx.Formats;

namespace EoOnnx.Onnx.Tests;

public class GraphTests
{
    [Fact]
    public void A_clone_is_independent_and_shares_tensors()
    {
        var model = Sample(out var weight);
        model.Metadata["key"] = "text";
        var before = model.ToBytes();
        var copy = model.Clone();
        Assert.Equal(before, copy.ToBytes());
        Assert.Same(weight.Data, copy.Graph.FindInitializer("w")!.Data);
        var op = new GraphBuilder(copy.Graph);
        copy.Graph.SetOutputs(op.Neg(copy.Graph.Outputs[0]));
        copy.Graph.Rename(copy.Graph.FindInitializer("w")!, "renamed");
        copy.Metadata["key"] = "changed";
        Assert.Equal(before, model.ToBytes());
    }

    [Fact]
    public void A_promoted_initializer_can_be_overridden_and_stays_the_default()
    {
        var model = Sample(out var weight);
        model.Graph.PromoteToInput(weight);
        var x = TensorData.FromValues<float>([1, 2], [1, 2]);
        Assert.Equal([7, 10], Ort.Run(model, ("x", x))["y"].ToSingles());
        Assert.Equal([1, 2], Ort.Run(model, ("x", x), ("w", TensorData.FromValues<float>([2, 2], [1, 0, 0, 1])))["y"].ToSingles());
        model.Graph.RemoveInput(weight);
        Assert.Equal(["x"], model.Graph.Inputs.Select(input => input.Name));
        Assert.Equal([7, 10], Ort.Run(model, ("x", x))["y"].ToSingles());
    }

    [Fact]
    public void Removing_what_is_not_an_input_names_the_inputs() =>
        Assert.Contains("inputs are x", Assert.Throws<OnnxGraphException>(() => Sample(out var weight).Graph.RemoveInput(weight)).Message, StringComparison.Ordinal);

    [Fact]
    public void Bodies_keep_their_nodes_when_the_graph_is_sorted_cloned_and_cleaned()
    {
        var op = new GraphBuilder("outer");
        var x = op.Input("x", ElementType.Float, [2]);
        var doubled = op.Mul(x, 2);
        var body = new GraphBuilder("body");
        body.Output(body.Node("Neg", [doubled]), "negated");
        var other = new GraphBuilder("other");
        using (other.Scope("else"))
        {
            other.Output(other.Add(doubled, x), "sum");
        }

        var condition = op.Input("condition", ElementType.Bool, []);
        op.Output(op.Node("If", [condition], ("then_branch", AttributeValue.From(body.Graph)), ("else_branch", AttributeValue.From(other.Graph))), "y");
        _ = op.Exp(doubled);
        op.Graph.RemoveUnused();
        var model = OnnxModel.Parse(new OnnxModel(op.Graph).Clone().ToBytes());
        Assert.Equal(["Mul", "If"], model.Graph.Nodes.Select(node => node.OpType));
        Assert.Equal([2], model.Graph.Outputs[0].Shape!);
        var data = TensorData.FromValues<float>([2], [1, 5]);
        Assert.Equal([-2, -10], Ort.Run(model, ("x", data), ("condition", TensorData.Scalar(true)))["y"].ToSingles());
        Assert.Equal([3, 15], Ort.Run(model, ("x", data), ("condition", TensorData.Scalar(false)))["y"].ToSingles());
    }

    private static OnnxModel Sample(out Value weight)
    {
        var op = new GraphBuilder("sample");
        weight = op.Initializer("w", TensorData.FromValues<float>([2, 2], [1, 2, 3, 4]));
        op.Output(op.MatMul(op.Input("x", ElementType.Float, ["batch", 2]), weight), "y");
        return new OnnxModel(op.Graph);
    }
}
