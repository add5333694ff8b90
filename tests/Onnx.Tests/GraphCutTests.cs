using EoOnnx.Formats;

namespace EoOnnx.Onnx.Tests;

public class GraphCutTests
{
    [Fact]
    public void A_model_is_cut_where_the_changing_inputs_first_have_an_effect_and_nowhere_else()
    {
        var model = Model();
        var cut = GraphCut.At(model, new HashSet<string> { "head" }, "logits", out var reason)!;
        Assert.Null(reason);
        Assert.Equal(["Mul", "Relu"], cut.Before.Graph.Nodes.Select(node => node.OpType));
        Assert.Equal(["Mul"], cut.After.Graph.Nodes.Select(node => node.OpType));
        Assert.Equal(cut.Crossing, cut.Before.Graph.Outputs.Select(value => value.Name));
        Assert.Equal([.. cut.Crossing, "head"], cut.After.Graph.Inputs.Select(value => value.Name).Order(StringComparer.Ordinal).OrderBy(name => name == "head"));
        Assert.Equal(["image"], cut.Before.Graph.Inputs.Select(value => value.Name));
        Assert.Equal(0.5, cut.Share);
        Assert.Equal(3, model.Graph.Nodes.Count);
    }

    [Fact]
    public void A_slot_that_does_not_change_becomes_a_constant_of_the_first_part()
    {
        var cut = GraphCut.At(Model(), new HashSet<string> { "head" }, "logits", out _)!;
        Assert.NotNull(cut.Before.Graph.FindInitializer("scale"));
        Assert.Null(cut.Before.Graph.FindInput("scale"));
    }

    [Theory, InlineData("scale", "the data itself"), InlineData("absent", "does not depend")]
    public void Where_nothing_can_be_shared_the_reason_is_told(string changing, string expected)
    {
        Assert.Null(GraphCut.At(Model(), new HashSet<string> { changing }, "logits", out var reason));
        Assert.Contains(expected, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_that_both_parts_read_is_named()
    {
        var builder = new GraphBuilder("skip");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 4));
        var head = builder.OverridableInput("head", TensorData.FromValues<float>([4], new float[4]));
        builder.Output(builder.Add(image, builder.Mul(builder.Relu(image), head)), "logits");
        var cut = GraphCut.At(new OnnxModel(builder.Graph), new HashSet<string> { "head" }, "logits", out _)!;
        Assert.Equal(["image"], cut.Data);
        Assert.Single(cut.Crossing);
    }

    private static OnnxModel Model()
    {
        var builder = new GraphBuilder("cut");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 4));
        var scale = builder.OverridableInput("scale", TensorData.FromValues<float>([4], [1, 2, 3, 4]));
        var head = builder.OverridableInput("head", TensorData.FromValues<float>([4], [4, 3, 2, 1]));
        builder.Output(builder.Mul(builder.Relu(builder.Mul(image, scale)), head), "logits");
        return new OnnxModel(builder.Graph);
    }
}
