namespace EoOnnx.Onnx.Tests.Shapes;

public class ShapeInferenceTests
{
    public static TheoryData<string> Cases => [.. ShapeCases.All.Select(@case => @case.ToString())];

    [Theory, MemberData(nameof(Cases))]
    public void Inferred_types_and_shapes_are_those_that_ONNX_Runtime_produces(string name)
    {
        var @case = ShapeCases.All.Single(@case => @case.ToString() == name);
        var (model, feeds) = @case.Build(symbolic: false);
        var found = Ort.Run(model, [.. feeds]);
        foreach (var output in model.Graph.Outputs)
        {
            Assert.Equal(found[output.Name].Type, output.Type);
            if (@case.Partial)
            {
                AssertAgrees(output, found[output.Name].Shape);
            }
            else
            {
                Assert.Equal(TensorShape.Of(found[output.Name].Shape.AsSpan()), output.Shape);
            }
        }

        // The same with symbols: what is claimed must hold for the extents that the symbols stand for.
        foreach (var output in @case.Build(symbolic: true).Model.Graph.Outputs)
        {
            AssertAgrees(output, found[output.Name].Shape);
        }
    }

    [Fact]
    public void Every_operator_with_a_rule_has_a_case() =>
        Assert.Empty(ShapeInference.Operators.Except(ShapeCases.All.Select(@case => @case.Op)));

    private static void AssertAgrees(Value output, IReadOnlyList<long> actual)
    {
        if (output.Shape is not { } shape)
        {
            return;
        }

        Assert.Equal(actual.Count, shape.Rank);
        for (var axis = 0; axis < actual.Count; axis++)
        {
            Assert.True(shape[axis].IsUnknown || shape[axis].Value == actual[axis] || shape[axis].Symbol == $"d{actual[axis]}",
                $"{output} is said to have extent {shape[axis]} on axis {axis}; ONNX Runtime made {actual[axis]}.");
        }
    }
}
