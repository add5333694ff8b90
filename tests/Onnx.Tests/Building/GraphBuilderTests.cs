using EoOnnx.Formats;

namespace EoOnnx.Onnx.Tests.Building;

public class GraphBuilderTests
{
    [Fact]
    public void A_matrix_product_of_unequal_inner_extents_is_refused_with_both_and_the_node()
    {
        var op = new GraphBuilder("g");
        var x = op.Input("x", ElementType.Float, ["batch", 197, 768]);
        var weight = op.Initializer("w", TensorData.FromValues<float>([512, 4], new float[2048]));
        using var scope = op.Scope("blocks.0");
        var message = Assert.Throws<OnnxGraphException>(() => op.MatMul(x, weight)).Message;
        Assert.Contains("blocks.0/MatMul", message, StringComparison.Ordinal);
        Assert.Contains("768", message, StringComparison.Ordinal);
        Assert.Contains("512", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_symbolic_batch_survives_reshape_transpose_and_shape_arithmetic()
    {
        var op = new GraphBuilder("g");
        var x = op.Input("x", ElementType.Float, ["batch", 16, 12]);
        Assert.Equal(["batch", 4, 16, 3], op.Transpose(op.Reshape(x, 0, 16, 4, 3), 0, 2, 1, 3).KnownShape);
        var batch = op.Slice(op.Shape(x), 0, 0, 1);
        Assert.Equal(["batch", 192], op.Reshape(x, op.Concat(0, batch, op.Int64s(-1))).KnownShape);
    }

    [Fact]
    public void Equal_constants_are_stored_once()
    {
        var op = new GraphBuilder("g");
        Assert.Same(op.Scalar(2), op.Scalar(2));
        Assert.NotSame(op.Scalar(2), op.Scalar(2, ElementType.Double));
    }

    [Fact]
    public void Nodes_appended_later_are_sorted_before_their_consumers()
    {
        var op = new GraphBuilder("g");
        var x = op.Input("x", ElementType.Float, [4]);
        var y = op.Exp(x);
        op.Output(op.Neg(y), "out");
        op.Graph.ReplaceUses(y, op.Add(y, x), node => node.OpType == "Neg");
        op.Graph.Sort();
        Assert.Equal(["Exp", "Add", "Neg"], op.Graph.Nodes.Select(node => node.OpType));
    }

    [Fact]
    public void What_no_output_needs_is_removed()
    {
        var op = new GraphBuilder("g");
        var x = op.Input("x", ElementType.Float, [4]);
        _ = op.Mul(op.Exp(x), 3);
        op.Output(op.Neg(x), "out");
        op.Graph.RemoveUnused();
        Assert.Equal("Neg", Assert.Single(op.Graph.Nodes).OpType);
        Assert.Empty(op.Graph.Initializers);
    }
}
