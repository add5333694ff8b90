using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Sums a gradient over the axes along which an input was broadcast, so that it has the input's shape again.</summary>
internal static class Unbroadcast
{
    /// <summary>The gradient in the shape of <paramref name="input"/>, which is input number <paramref name="index"/> of
    /// <paramref name="node"/>.</summary>
    public static Value To(GraphBuilder op, Value gradient, Value input, Node node, int index)
    {
        if (gradient.Shape is not { } from || input.Shape is not { } to)
        {
            return Dynamic(op, gradient, input);
        }

        var offset = from.Rank - to.Rank;
        if (offset < 0)
        {
            return Dynamic(op, gradient, input);
        }

        var summed = new List<long>();
        for (var axis = 0; axis < to.Rank - MatrixAxes(node, index); axis++)
        {
            var (wide, narrow) = (from[axis + offset], to[axis]);
            if (narrow.Value == 1 && wide.Value != 1)
            {
                summed.Add(axis + offset);
            }
            else if (narrow.Value is null && narrow != wide && !OthersAreOne(node, index, axis - to.Rank))
            {
                return Dynamic(op, gradient, input);
            }
            else if (narrow.IsUnknown && !OthersAreOne(node, index, axis - to.Rank))
            {
                return Dynamic(op, gradient, input);
            }
        }

        if (summed.Count > 0)
        {
            gradient = op.ReduceSum(gradient, keepDims: true, [.. summed]);
        }

        return offset == 0 ? gradient : op.ReduceSum(gradient, keepDims: false, [.. Enumerable.Range(0, offset).Select(axis => (long)axis)]);
    }

    /// <summary>The last axes that an operator never broadcasts.</summary>
    private static int MatrixAxes(Node node, int index) => node.OpType is "MatMul" or "FusedMatMul" || (node.OpType == "Gemm" && index < 2) ? 2 : 0;

    /// <summary>True when every other input has extent 1, or no such axis, at a position counted from the end: then this input
    /// alone decides the extent, and was not broadcast along it.</summary>
    private static bool OthersAreOne(Node node, int index, int fromEnd)
    {
        for (var i = 0; i < node.Inputs.Count; i++)
        {
            if (i != index && node.Inputs[i] is { } other && (other.Shape is not { } shape || (-fromEnd <= shape.Rank && shape[fromEnd].Value != 1)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The same with shapes compared when the graph runs.</summary>
    private static Value Dynamic(GraphBuilder op, Value gradient, Value input)
    {
        var have = op.Shape(gradient);
        var want = op.Shape(input);
        var missing = op.Sub(op.Shape(have), op.Shape(want));
        var padded = op.Concat(0, op.Filled(missing, 1, Formats.ElementType.Int64), want);
        var broadcast = op.And(op.Equal(padded, op.Int64s(1)), op.Not(op.Equal(have, op.Int64s(1))));
        var axes = op.Reshape(op.Node("NonZero", [broadcast]), -1);
        var summed = op.Node("ReduceSum", [gradient, axes], ("keepdims", 1L), ("noop_with_empty_axes", 1L));
        return op.Reshape(summed, want);
    }
}
