namespace EoOnnx.Onnx;

/// <content>Operators that sum up or sort along axes.</content>
public sealed partial class GraphBuilder
{
    /// <summary>Sum over axes; none means all (ONNX ReduceSum).</summary>
    public Value ReduceSum(Value x, bool keepDims, params ReadOnlySpan<long> axes) => Reduce("ReduceSum", x, keepDims, axes);

    /// <summary>Mean over axes; none means all (ONNX ReduceMean).</summary>
    public Value ReduceMean(Value x, bool keepDims, params ReadOnlySpan<long> axes) => Reduce("ReduceMean", x, keepDims, axes);

    /// <summary>Maximum over axes; none means all (ONNX ReduceMax).</summary>
    public Value ReduceMax(Value x, bool keepDims, params ReadOnlySpan<long> axes) => Reduce("ReduceMax", x, keepDims, axes);

    /// <summary>Minimum over axes; none means all (ONNX ReduceMin).</summary>
    public Value ReduceMin(Value x, bool keepDims, params ReadOnlySpan<long> axes) => Reduce("ReduceMin", x, keepDims, axes);

    /// <summary>Product over axes; none means all (ONNX ReduceProd).</summary>
    public Value ReduceProd(Value x, bool keepDims, params ReadOnlySpan<long> axes) => Reduce("ReduceProd", x, keepDims, axes);

    /// <summary>Position of the maximum along an axis (ONNX ArgMax).</summary>
    public Value ArgMax(Value x, long axis, bool keepDims = false) => Node("ArgMax", [x], ("axis", axis), ("keepdims", keepDims ? 1L : 0L));

    /// <summary>e^x over its sum along an axis (ONNX Softmax).</summary>
    public Value Softmax(Value x, long axis = -1) => Node("Softmax", [x], ("axis", axis));

    /// <summary>Logarithm of <see cref="Softmax"/> (ONNX LogSoftmax).</summary>
    public Value LogSoftmax(Value x, long axis = -1) => Node("LogSoftmax", [x], ("axis", axis));

    /// <summary>Running sum along an axis (ONNX CumSum).</summary>
    public Value CumSum(Value x, long axis, bool reverse = false, bool exclusive = false) => Node("CumSum", [x, Scalar(axis, Formats.ElementType.Int64)],
        ("reverse", reverse ? 1L : 0L), ("exclusive", exclusive ? 1L : 0L));

    /// <summary>The k largest (or smallest) elements along an axis and their positions, sorted (ONNX TopK).</summary>
    public (Value Values, Value Indices) TopK(Value x, Value k, long axis, bool largest = true)
    {
        var outputs = Nodes("", "TopK", [x, k], 2, ("axis", axis), ("largest", largest ? 1L : 0L));
        return (outputs[0], outputs[1]);
    }

    private Value Reduce(string opType, Value x, bool keepDims, ReadOnlySpan<long> axes) =>
        Node(opType, [x, axes.Length == 0 ? null : Int64s(axes)], ("keepdims", keepDims ? 1L : 0L));
}
