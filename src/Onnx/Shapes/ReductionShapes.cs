using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of reductions and sorting.</summary>
internal static class ReductionShapes
{
    public static readonly Dictionary<string, ShapeRule> Table = new()
    {
        ["ReduceSum"] = Reduce, ["ReduceMean"] = Reduce, ["ReduceMax"] = Reduce, ["ReduceMin"] = Reduce, ["ReduceProd"] = Reduce,
        ["ReduceL1"] = Reduce, ["ReduceL2"] = Reduce, ["ReduceSumSquare"] = Reduce, ["ReduceLogSumExp"] = Reduce, ["ReduceLogSum"] = Reduce,
        ["ArgMax"] = Arg, ["ArgMin"] = Arg,
        ["TopK"] = c =>
        {
            var shape = c.Shape(0)?.With(c.Axis(c.Node.Int("axis", -1), c.Shape(0)!.Rank), c.Integers(1) is [var k] ? k : Dim.Unknown);
            c.Set(c.In(0).Type, shape);
            c.Set(ElementType.Int64, shape, 1);
        },
    };

    private static void Reduce(ShapeContext c)
    {
        var axes = c.Node.Ints("axes") ?? (c.Node.OptionalInput(1) is null ? [] : c.Integers(1));
        var keep = c.Node.Int("keepdims", 1) != 0;
        if (c.Shape(0) is not { } shape || axes is null)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        if (axes.Length == 0 && c.Node.Int("noop_with_empty_axes", 0) != 0)
        {
            c.Set(c.In(0).Type, shape);
            return;
        }

        var reduced = axes.Length == 0 ? [.. Enumerable.Range(0, shape.Rank)] : axes.Select(axis => c.Axis(axis, shape.Rank)).ToHashSet();
        c.Set(c.In(0).Type, new TensorShape(shape.Select((dim, axis) => (dim, axis))
            .Where(item => keep || !reduced.Contains(item.axis)).Select(item => reduced.Contains(item.axis) ? 1 : item.dim)));
    }

    private static void Arg(ShapeContext c)
    {
        if (c.Shape(0) is not { } shape)
        {
            c.Set(ElementType.Int64, null);
            return;
        }

        var axis = c.Axis(c.Node.Int("axis", 0), shape.Rank);
        c.Set(ElementType.Int64, c.Node.Int("keepdims", 1) != 0 ? shape.With(axis, 1) : new TensorShape(shape.Where((_, i) => i != axis)));
    }
}
