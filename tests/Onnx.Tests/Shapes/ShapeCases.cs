using EoOnnx.Formats;
using static EoOnnx.Onnx.Tests.Shapes.ShapeCase;

namespace EoOnnx.Onnx.Tests.Shapes;

/// <summary>At least one case for every operator with a shape rule, more where the rule has corners.</summary>
internal static class ShapeCases
{
    private const long Max = long.MaxValue;

    public static IReadOnlyList<ShapeCase> All { get; } = [.. Elementwise(), .. Layout(), .. Indexing(), .. Reductions(), .. Layers(), .. Windows()];

    private static IEnumerable<ShapeCase> Elementwise()
    {
        foreach (var op in (string[])["Neg", "Abs", "Sign", "Sqrt", "Reciprocal", "Exp", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh",
            "Acosh", "Atanh", "Erf", "Tanh", "Sigmoid", "Softplus", "Softsign", "Relu", "LeakyRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish",
            "Mish", "Gelu", "Floor", "Ceil", "Round", "Softmax", "LogSoftmax", "Hardmax", "Identity", "Dropout",
            "com.microsoft.Gelu", "com.microsoft.QuickGelu", "com.microsoft.FastGelu"])
        {
            yield return new(op, F(2, 3, 4));
        }

        foreach (var op in (string[])["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu"])
        {
            yield return new(op, F(2, 3, 4), F(4));
            if (op != "PRelu")
            {
                yield return new(op, F(3, 1), F(2, 1, 4));
            }
        }

        yield return new("Max", F(3, 1), F(4), F(2, 1, 1));
        yield return new("Add", F(0, 3), F(1, 3));
        yield return new("Mod", I(7, 3), C(4));
        foreach (var op in (string[])["Equal", "Less", "Greater", "GreaterOrEqual", "LessOrEqual"])
        {
            yield return new(op, F(2, 1, 4), F(3, 1));
        }

        foreach (var op in (string[])["And", "Or", "Xor"])
        {
            yield return new(op, B(2, 1, 4), B(3, 1));
        }

        yield return new("Not", B(2, 3));
        yield return new("IsNaN", F(2, 3));
        yield return new("IsInf", F(2, 3));
        yield return new("Dropout", F(2, 3)) { Outputs = 2 };
        yield return new("Clip", F(2, 3), F(), null);
        yield return new("CumSum", F(2, 3), C0(1));
        yield return new("Trilu", F(2, 3, 4), C0(1));
        yield return new("Where", B(3, 1), F(4), F(2, 1, 1));
        yield return new("Cast", F(2, 3)) { With = [("to", (long)ElementType.Int64)] };
        yield return new("CastLike", F(2, 3), I(5));
    }

    private static IEnumerable<ShapeCase> Layout()
    {
        yield return new("Transpose", F(2, 3, 4));
        yield return new("Transpose", F(2, 3, 4)) { With = [("perm", new long[] { 1, 2, 0 })] };
        yield return new("Reshape", F(2, 3, 4), C(0, -1));
        yield return new("Reshape", F(2, 3, 4), C(6, 4));
        yield return new("Reshape", F(2, 3, 4), C(0, 0, 2, -1));
        yield return new("Reshape", F(2, 3, 4), C(-1, 3, 4));
        yield return new("Reshape", F(0, 3), C(0, 3)) { With = [("allowzero", 1L)] };
        yield return new("Reshape", F(2, 3, 4), I(2, 12).With([4, 6])) { Partial = true };
        yield return new("Flatten", F(2, 3, 4));
        yield return new("Flatten", F(2, 3, 4)) { With = [("axis", 0L)] };
        yield return new("Flatten", F(2, 3, 4)) { With = [("axis", -1L)] };
        yield return new("Flatten", F(2, 3, 4)) { With = [("axis", 3L)] };
        yield return new("Unsqueeze", F(2, 3), C(0, -1));
        yield return new("Unsqueeze", F(2, 3), C(3, 1));
        yield return new("Squeeze", F(1, 3, 1), C(-1));
        yield return new("Squeeze", F(1, 3, 1));
        yield return new("Concat", F(2, 3), F(2, 1), F(2, 4)) { With = [("axis", -1L)] };
        yield return new("Concat", F(2, 3), F(1, 3)) { With = [("axis", 0L)] };
        yield return new("Split", F(2, 7), C(3, 4)) { Outputs = 2, With = [("axis", 1L)] };
        yield return new("Split", F(7, 2)) { Outputs = 3, With = [("num_outputs", 3L)] };
        yield return new("Split", F(2, 6)) { Outputs = 3, With = [("axis", -1L), ("num_outputs", 3L)] };
        foreach (var mode in (string[])["constant", "edge", "reflect", "wrap"])
        {
            yield return new("Pad", F(4, 5), C(1, 0, 2, 3)) { With = [("mode", mode)] };
        }

        yield return new("Pad", F(4, 5), C(-1, 0, 0, -2));
        yield return new("Pad", F(4, 5, 6), C(1, 2), null, C(-1));
        yield return new("Pad", F(4, 5, 6), C(1, 2, 3, 4), F().Fixed(), C(2, 0));
        yield return new("Expand", F(3, 1), C(2, 1, 6));
        yield return new("Expand", F(3, 4), C(1));
        yield return new("Tile", F(2, 3), C(1, 4));
        yield return new("Shape", F(2, 3, 4));
        yield return new("Shape", F(2, 3, 4)) { With = [("start", 1L), ("end", -1L)] };
        yield return new("Shape", F(2, 3, 4)) { With = [("start", -2L)] };
        yield return new("Shape", F(2, 3, 4)) { With = [("start", 2L), ("end", 1L)] };
        yield return new("Size", F(2, 3));
        yield return new("ConstantOfShape", C(2, 0, 3)) { With = [("value", TensorData.FromValues<long>([1], [4]))] };
        yield return new("ConstantOfShape", C(2, 3));
        yield return new("ConstantOfShape", I(2, 5).With([3, 4])) { Partial = true };
        yield return new("Constant") { With = [("value", TensorData.FromValues<float>([2, 3], new float[6]))] };
        yield return new("Constant") { With = [("value_int", 3L)] };
        yield return new("Constant") { With = [("value_ints", new long[] { 3, 4 })] };
        yield return new("Constant") { With = [("value_float", 3f)] };
        yield return new("Constant") { With = [("value_floats", AttributeValue.From(new[] { 3f, 4f }))] };
        yield return new("Range", C0(2), C0(11), C0(4));
        yield return new("Range", C0(5), C0(0), C0(-2));
        yield return new("Range", C0(5), C0(9), C0(-2));
        yield return new("DepthToSpace", F(2, 12, 3, 4)) { With = [("blocksize", 2L)] };
        yield return new("SpaceToDepth", F(2, 3, 4, 6)) { With = [("blocksize", 2L)] };
        yield return new("If", B()) { Bodies = (op, _) => [("then_branch", Body(op, 2, 3)), ("else_branch", Body(op, 4, 3))], Partial = true };
    }

    private static IEnumerable<ShapeCase> Indexing()
    {
        foreach (var (start, end, step) in ((long, long, long)[])[(0, 3, 1), (1, Max, 2), (-3, -1, 1), (5, -1, -1), (Max, -Max, -1), (-1, -8, -2), (3, 3, 1), (4, 2, 1), (-100, 100, 3),
            (100, -100, -3), (0, int.MaxValue, 1), (6, 0, -4), (2, 5, -1), (0, Max, Max), (-100, -200, -1), (6, -Max, -Max)])
        {
            yield return new("Slice", F(2, 7), C(start), C(end), C(1), C(step));
        }

        yield return new("Slice", F(4, 7), C(1, 2), C(3, -1));
        yield return new("Slice", F(4, 7, 2), C(1, 0), C(9, 4), C(-2, 0));
        yield return new("Slice", F(2, 7), I(1, 1), I(1, 1).With([5]), C(1)) { Partial = true };
        yield return new("Gather", F(2, 7, 3), I(2, 2)) { With = [("axis", 1L)] };
        yield return new("Gather", F(2, 7), C0(1)) { With = [("axis", -1L)] };
        yield return new("GatherElements", F(3, 7), I(1, 2, 2)) { With = [("axis", 1L)] };
        yield return new("GatherND", F(3, 4, 5), I(1, 6, 2));
        yield return new("GatherND", F(3, 4, 5), I(1, 3, 1)) { With = [("batch_dims", 1L)] };
        yield return new("ScatterElements", F(3, 7), I(1, 2, 2), F(2, 2)) { With = [("axis", 1L)] };
        yield return new("ScatterND", F(3, 4, 5), I(1, 6, 2), F(6, 5)) { With = [("reduction", "add")] };
        yield return new("OneHot", I(1, 2, 3), C(6), F(2));
        yield return new("OneHot", I(1, 2, 3), C0(6), F(2)) { With = [("axis", 1L)] };
        yield return new("NonZero", F(2, 3)) { Partial = true };
        yield return new("GridSample", F(2, 3, 4, 5), F(2, 6, 7, 2));
    }

    private static IEnumerable<ShapeCase> Reductions()
    {
        foreach (var op in (string[])["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceLogSum"])
        {
            yield return new(op, F(2, 3, 4), C(-1));
            yield return new(op, F(2, 3, 4), C(0, 2)) { With = [("keepdims", 0L)] };
            yield return new(op, F(2, 3, 4));
            yield return new(op, F(2, 3, 4)) { With = [("keepdims", 0L)] };
        }

        yield return new("ReduceSum", F(2, 3), C()) { With = [("noop_with_empty_axes", 1L)] };
        yield return new("ArgMax", F(2, 3, 4));
        yield return new("ArgMax", F(2, 3, 4)) { With = [("axis", -2L), ("keepdims", 0L)] };
        yield return new("ArgMin", F(2, 3, 4)) { With = [("axis", 1L)] };
        yield return new("TopK", F(2, 7), C(3)) { Outputs = 2 };
        yield return new("TopK", F(7, 2), C(3)) { Outputs = 2, With = [("axis", 0L)] };
    }

    private static IEnumerable<ShapeCase> Layers()
    {
        foreach (var (a, b) in ((Argument, Argument)[])[(F(3, 4), F(4, 5)), (F(2, 3, 4), F(4, 5)), (F(2, 1, 3, 4), F(6, 4, 5)), (F(4), F(4, 5)), (F(2, 3, 4), F(4)), (F(4), F(4)), (F(4), F(2, 4, 5))])
        {
            yield return new("MatMul", a, b);
        }

        yield return new("com.microsoft.FusedMatMul", F(2, 4, 3), F(5, 4)) { With = [("transA", 1L), ("transB", 1L)] };
        yield return new("MatMulInteger", U(3, 4), U(4, 5));
        yield return new("Gemm", F(3, 4), F(4, 5), F(5));
        yield return new("Gemm", F(4, 3), F(5, 4)) { With = [("transA", 1L), ("transB", 1L)] };
        yield return new("Einsum", F(2, 3, 4), F(2, 5, 4)) { With = [("equation", "bij, bkj -> bik")] };
        yield return new("Einsum", F(3, 3)) { With = [("equation", "ii->i")] };
        yield return new("Einsum", F(2, 3), F(3, 4)) { With = [("equation", "ij,jk")], Partial = true };
        yield return new("LayerNormalization", F(2, 3, 4), F(4), F(4));
        yield return new("LayerNormalization", F(2, 3, 4), F(3, 4)) { Outputs = 3, With = [("axis", 1L)] };
        yield return new("com.microsoft.SkipLayerNormalization", F(2, 3, 4), F(2, 3, 4), F(4), F(4));
        yield return new("InstanceNormalization", F(2, 3, 4), F(3), F(3));
        yield return new("BatchNormalization", F(2, 3, 4), F(3), F(3), F(3), F(3));
        yield return new("BatchNormalization", F(2, 3, 4), F(3), F(3), F(3), F(3)) { Outputs = 3, With = [("training_mode", 1L)] };
        yield return new("LpNormalization", F(2, 3, 4));
        yield return new("GroupNormalization", F(2, 4, 5), F(2), F(2)) { With = [("num_groups", 2L)] };
        yield return new("SoftmaxCrossEntropyLoss", F(2, 3), I(2, 2)) { Outputs = 2 };
        yield return new("SoftmaxCrossEntropyLoss", F(2, 3, 5), I(2, 2, 5)) { With = [("reduction", "none")] };
        yield return new("com.microsoft.MultiHeadAttention", F(2, 5, 8), F(2, 6, 8), F(2, 6, 4)) { With = [("num_heads", 2L)] };
        yield return new("RandomNormalLike", F(2, 3));
        yield return new("RandomUniformLike", F(2, 3)) { With = [("dtype", (long)ElementType.Double)] };
        yield return new("EyeLike", F(3, 3));
        yield return new("QuantizeLinear", F(2, 3), F(), U());
        yield return new("QuantizeLinear", F(2, 3), F());
        yield return new("DequantizeLinear", U(2, 3), F(), U());
        yield return new("DynamicQuantizeLinear", F(2, 3)) { Outputs = 3 };
        yield return new("com.microsoft.MatMulNBits", F(2, 3, 32), new(TensorData.FromBytes(ElementType.UInt8, [5, 1, 16], new byte[80]), true), F(5).Fixed())
        {
            With = [("K", 32L), ("N", 5L), ("bits", 4L), ("block_size", 32L)],
        };
    }

    private static IEnumerable<ShapeCase> Windows()
    {
        yield return new("Conv", F(2, 4, 9, 8), F(6, 2, 3, 2)) { With = [("group", 2L), ("pads", new long[] { 1, 0, 2, 1 }), ("strides", new long[] { 2, 3 })] };
        yield return new("Conv", F(2, 4, 9), F(6, 4, 3), F(6)) { With = [("dilations", new long[] { 3 })] };
        yield return new("Conv", F(1, 1, 5, 6, 7), F(2, 1, 2, 3, 4));
        yield return new("ConvTranspose", F(2, 4, 5, 6), F(4, 3, 3, 2)) { With = [("group", 2L), ("strides", new long[] { 2, 3 }), ("pads", new long[] { 1, 0, 0, 1 }), ("output_padding", new long[] { 1, 2 })] };
        yield return new("ConvTranspose", F(2, 4, 5), F(4, 3, 3)) { With = [("dilations", new long[] { 2 })] };
        yield return new("ConvTranspose", F(1, 1, 5, 5), F(1, 2, 3, 3)) { With = [("strides", new long[] { 2, 2 }), ("output_shape", new long[] { 10, 9 })] };
        foreach (var auto in (string[])["SAME_UPPER", "SAME_LOWER", "VALID"])
        {
            yield return new("Conv", F(1, 2, 9, 8), F(3, 2, 3, 2)) { With = [("auto_pad", auto), ("strides", new long[] { 2, 3 })] };
            yield return new("ConvTranspose", F(1, 2, 9, 8), F(2, 3, 3, 4)) { With = [("auto_pad", auto), ("strides", new long[] { 2, 3 })] };
            yield return new("MaxPool", F(1, 2, 9, 8)) { With = [("kernel_shape", new long[] { 3, 2 }), ("auto_pad", auto), ("strides", new long[] { 2, 3 })] };
            yield return new("AveragePool", F(1, 2, 9, 8)) { With = [("kernel_shape", new long[] { 3, 2 }), ("auto_pad", auto), ("strides", new long[] { 2, 3 })] };
        }

        foreach (var op in (string[])["MaxPool", "AveragePool"])
        {
            foreach (var extent in (long[])[5, 6, 7, 8, 9])
            {
                foreach (var (kernel, stride, pad, dilation) in ((long, long, long, long)[])[(2, 2, 0, 1), (3, 2, 1, 1), (3, 3, 1, 1), (2, 3, 1, 1), (2, 2, 0, 2), (3, 1, 0, 2), (1, 2, 0, 1), (1, 3, 0, 1)])
                {
                    foreach (var ceil in (long[])[0, 1])
                    {
                        yield return new(op, F(1, 2, extent, 9))
                        {
                            With = [("kernel_shape", new[] { kernel, kernel }), ("strides", new[] { stride, stride }), ("pads", new[] { pad, pad, pad, pad }), ("dilations", new[] { dilation, dilation }), ("ceil_mode", ceil)],
                        };
                    }
                }
            }
        }

        yield return new("MaxPool", F(1, 2, 9, 8)) { Outputs = 2, With = [("kernel_shape", new long[] { 3, 2 })] };
        yield return new("GlobalAveragePool", F(2, 3, 4, 5));
        yield return new("GlobalMaxPool", F(2, 3, 4, 5));
        yield return new("Resize", F(1, 2, 9, 8), null, null, C(1, 2, 5, 16));
        yield return new("Resize", F(1, 2, 9, 8), null, null, C(5, 16)) { With = [("axes", new long[] { 2, 3 })] };
        yield return new("Resize", F(1, 2, 9, 8), null, null, C(5, 16)) { With = [("axes", new long[] { -2, -1 }), ("keep_aspect_ratio_policy", "not_larger")], Partial = true };
        foreach (var scale in (float[])[0.7f, 1f / 3, 2, 1.1f, 0.1f, 2.5f])
        {
            yield return new("Resize", F(1, 2, 10, 30), null, new(TensorData.FromValues<float>([4], [1, 1, scale, scale]), true)) { With = [("mode", "nearest")] };
        }

    }

    /// <summary>A branch that reads a constant of the graph around it.</summary>
    private static AttributeValue Body(GraphBuilder outer, int rows, int columns)
    {
        var op = new GraphBuilder($"body{rows}");
        var constant = outer.Initializer($"c{rows}", TensorData.FromValues<float>([rows, columns], new float[rows * columns]));
        using var scope = op.Scope($"branch{rows}"); // ONNX Runtime wants node names to differ between branches too
        op.Output(op.Neg(constant), $"out{rows}");
        return AttributeValue.From(op.Graph);
    }

    private static Argument F(params long[] shape) => new(TensorData.FromValues<float>(shape, Fill(shape, i => 1 + (i % 7 / 16f))), false);

    private static Argument B(params long[] shape) => new(TensorData.FromValues<bool>(shape, Fill(shape, i => i % 2 == 0)), false);

    private static Argument U(params long[] shape) => new(TensorData.FromValues<byte>(shape, Fill(shape, i => (byte)i)), false);

    /// <summary>Fed integers of the given shape, all equal to the first number.</summary>
    private static Argument I(long number, params long[] shape) => new(TensorData.FromValues<long>(shape, Fill(shape, _ => number)), false);

    /// <summary>A constant list of integers.</summary>
    private static Argument C(params long[] numbers) => new(TensorData.FromValues<long>([numbers.Length], numbers), true);

    /// <summary>A constant integer without axes.</summary>
    private static Argument C0(long number) => new(TensorData.Scalar(number), true);

    private static Argument With(this Argument argument, long[] numbers) => argument with { Data = TensorData.FromValues<long>([numbers.Length], numbers) };

    private static Argument Fixed(this Argument argument) => argument with { Constant = true };

    private static T[] Fill<T>(long[] shape, Func<int, T> element) => [.. Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(element)];
}
