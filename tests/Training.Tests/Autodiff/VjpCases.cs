using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Tests.Autodiff.Reference;

namespace EoOnnx.Training.Tests.Autodiff;

/// <summary>One line a case: broadcasting, negative axes, both sides of a kink. Double where ONNX Runtime has the kernel.</summary>
internal static class VjpCases
{
    /// <summary>Cases in float, for the forms of a rule that only float has, are repeated in double where there are kernels.</summary>
    public static TheoryData<VjpCase> All => [.. Cases().Concat(InFloat().Where(HasDouble).Select(@case => @case.In(ElementType.Double, 1e-6)))];

    public static TheoryData<VjpCase> InSinglePrecision => [.. InFloat()];

    /// <summary>What ONNX Runtime has in single precision only, as an operator itself or by what its gradient is made of: <see cref="ReferenceOperators"/> stand for them in double.</summary>
    public static TheoryData<VjpCase> WithReference => [.. InFloat().Where(@case => !HasDouble(@case))];

    /// <summary>True when a case can run in double precision; Gelu by tanh is made of operators that can.</summary>
    public static bool HasDouble(VjpCase @case) => !ReferenceOperators.Table.ContainsKey(@case.Op) || @case is { Op: "Gelu", Name: "tanh" };

    private static IEnumerable<VjpCase> InFloat() => Cases().Where(@case => @case.Type == ElementType.Float && @case.Op != "Cast");

    public static IEnumerable<string> Ops => Cases().Select(@case => @case.Op).Distinct();

    /// <summary>Operators whose differences are taken in double precision, on ONNX Runtime or of a reference.</summary>
    public static IEnumerable<string> OpsInDouble => All.Select(row => row.Data).Where(@case => @case.Type == ElementType.Double).Concat(WithReference.Select(row => row.Data)).Select(@case => @case.Op).Distinct();

    private static readonly (double, double) Positive = (0.2, 2);

    private static IEnumerable<VjpCase> Cases() => [.. Elementwise(), .. Activations(), .. MatrixProducts(), .. Normalizations(), .. Reductions(), .. Layout(), .. Windows()];

    private static IEnumerable<VjpCase> Elementwise() =>
    [
        new("Identity", [2, 3]),
        new("Cast", [2, 3]) { Attributes = [("to", 1L)], Name = "to float", Tolerance = 0.5, Build = (op, x) => op.Cast(op.Cast(op.Mul(x[0], 3), ElementType.Double), ElementType.Double) },
        new("Cast", [2, 3]) { Name = "to double and back", Build = (op, x) => op.Cast(op.Exp(op.Cast(x[0], ElementType.Double)), ElementType.Float), Type = ElementType.Float, Tolerance = 2e-3 },
        new("CastLike", [2, 3]) { Build = (op, x) => op.Node("CastLike", [x[0], op.Scalar(0, x[0])]) },
        new("Add", [2, 3, 4], [3, 1]), new("Add", [4], [2, 3, 4]), new("Add", [1, 3], [4, 1]) { Name = "both broadcast" }, new("Add", [3, 4], [3, 4]) { SymbolicBatch = true },
        new("Add", [3, 4], [4]) { SymbolicBatch = true, Name = "bias" },
        new("Sub", [2, 3, 4], [3, 1]), new("Sub", [1], [2, 3]),
        new("Mul", [2, 3, 4], [3, 1]), new("Mul", [2, 1, 4], [3, 1]), new("Mul", [3, 4], [3, 1]) { SymbolicBatch = true },
        new("Mul", [3, 4]) { Name = "with itself", Build = (op, x) => op.Mul(x[0], x[0]) },
        new("Mul", [2, 3]) { Name = "used three times", Build = (op, x) => op.Add(op.Mul(x[0], op.Exp(x[0])), x[0]) },
        new("Div", [2, 3, 4], [3, 1]) { Range = Positive }, new("Div", [4], [2, 4]) { Kinks = [0], Margin = 0.3 },
        new("Pow", [2, 3], [3]) { Range = Positive }, new("Pow", [2, 3]) { Name = "square", Build = (op, x) => op.Pow(x[0], op.Scalar(2, x[0])) },
        new("Pow", [2, 3]) { Name = "cube of negatives", Build = (op, x) => op.Pow(x[0], op.Scalar(3, x[0])) },
        new("Neg", [2, 3]), new("Abs", [2, 3]) { Kinks = [0] }, new("Sqrt", [2, 3]) { Range = Positive }, new("Reciprocal", [2, 3]) { Kinks = [0], Margin = 0.3 },
        new("Exp", [2, 3]), new("Log", [2, 3]) { Range = Positive }, new("Sin", [2, 3]), new("Cos", [2, 3]), new VjpCase("Erf", [2, 3]).InFloat(),
        new("Sum", [2, 3], [3], [2, 1]), new VjpCase("Mean", [2, 3], [3]).InFloat(),
        new("Max", [2, 3, 4], [3, 1]), new("Max", [2, 3]) { Kinks = [0.5], Build = (op, x) => op.Max(x[0], op.Scalar(0.5, x[0])) },
        new("Min", [2, 3, 4], [3, 1], [1]),
        new("Mod", [2, 3]) { Range = (0.1, 0.9), Attributes = [("fmod", 1L)], Build = (op, x) => op.Node("Mod", [x[0], op.Scalar(1, x[0])], ("fmod", 1L)) },
        new("Where", [2, 3], [3]) { Build = (op, x) => op.Where(op.Constant(TensorData.FromValues<bool>([2, 1], [true, false])), x[0], x[1]) },
        new("Clip", [3, 4]) { Kinks = [-1, 1], Build = (op, x) => op.Clip(x[0], -1, 1) },
        new("Clip", [3, 4]) { Kinks = [1], Build = (op, x) => op.Clip(x[0], null, 1), Name = "above" },
        new("Clip", [3, 4], []) { Build = (op, x) => op.Node("Clip", [x[0], x[1], null]), Kinks = [0], Name = "trained bound" },
        new("CumSum", [2, 5]) { Build = (op, x) => op.CumSum(x[0], -1) }, new("CumSum", [5, 2]) { Build = (op, x) => op.CumSum(x[0], 0, reverse: true, exclusive: true), Name = "reverse, exclusive" },
        new("Trilu", [3, 4]) { Attributes = [("upper", 0L)] }, new("Trilu", [2, 4, 3]),
        new("Sign", [2, 3]) { Kinks = [0], Build = (op, x) => op.Mul(op.Node("Sign", [x[0]]), x[0]) },
        new("Floor", [2, 3]) { Kinks = [-1, 0, 1], Build = (op, x) => op.Mul(op.Floor(x[0]), x[0]) },
        new("Ceil", [2, 3]) { Kinks = [-1, 0, 1], Build = (op, x) => op.Mul(op.Node("Ceil", [x[0]]), x[0]) },
        new("Round", [2, 3]) { Kinks = [-1.5, -0.5, 0.5, 1.5], Build = (op, x) => op.Mul(op.Node("Round", [x[0]]), x[0]) },
    ];

    private static IEnumerable<VjpCase> Activations() =>
    [
        new("Relu", [3, 4]) { Kinks = [0] }, new VjpCase("LeakyRelu", [3, 4]) { Kinks = [0], Attributes = [("alpha", 0.1f)] }.InFloat(),
        new VjpCase("PRelu", [2, 3, 4], [3, 1]) { Kinks = [0] }.InFloat(), new VjpCase("Elu", [3, 4]) { Kinks = [0], Attributes = [("alpha", 0.7f)] }.InFloat(),
        new("Tanh", [3, 4]), new("Sigmoid", [3, 4]), new VjpCase("Softplus", [3, 4]).InFloat(),
        new VjpCase("HardSigmoid", [3, 4]) { Range = (-4, 4), Kinks = [-2.5, 2.5] }.InFloat(), new VjpCase("HardSwish", [3, 4]) { Range = (-5, 5), Kinks = [-3, 3] }.InFloat(),
        new VjpCase("Gelu", [3, 4]).InFloat(), new VjpCase("Gelu", [3, 4]) { Attributes = [("approximate", "tanh")], Name = "tanh" }.InFloat(),
        new VjpCase("com.microsoft.Gelu", [3, 4]).InFloat(), new VjpCase("com.microsoft.FastGelu", [3, 4]).InFloat(),
        new VjpCase("com.microsoft.QuickGelu", [3, 4]) { Attributes = [("alpha", 1.702f)] }.InFloat(),
        new("Softmax", [2, 3, 4]), new("Softmax", [2, 3, 4]) { Attributes = [("axis", 1L)], Name = "axis 1" }, new("Softmax", [2, 5]) { Attributes = [("axis", -1L)], SymbolicBatch = true },
        new VjpCase("Softmax", [2, 6, 3], [2, 6, 3], [2, 6, 3]) { Name = "of attention", Build = (op, x) => op.MatMul(op.Softmax(op.MatMul(x[0], op.Transpose(x[1], 0, 2, 1))), x[2]) }.InFloat(),
        new VjpCase("Softmax", [2, 6, 3], [2, 6, 3], [2, 6, 3]) { Name = "of attention whose weights are used twice", Build = (op, x) => Twice(op, op.Softmax(op.MatMul(x[0], op.Transpose(x[1], 0, 2, 1))), x[2]) }.InFloat(),
        new("LogSoftmax", [2, 3, 4]) { Attributes = [("axis", 1L)] }, new("LogSoftmax", [2, 5]) { Attributes = [("axis", -1L)] },
    ];

    private static Value Twice(GraphBuilder op, Value weights, Value values) => op.Mul(op.MatMul(weights, values), op.ReduceSum(op.Mul(weights, weights), keepDims: true, -1));

    private static IEnumerable<VjpCase> MatrixProducts() =>
    [
        new("MatMul", [3, 4], [4, 5]), new("MatMul", [2, 3, 4], [4, 5]), new("MatMul", [2, 3, 4], [2, 4, 5]), new("MatMul", [2, 1, 3, 4], [3, 4, 5]) { Name = "batch broadcast" },
        new("MatMul", [4], [4, 5]), new("MatMul", [3, 4], [4]), new("MatMul", [2, 3, 4], [4]), new("MatMul", [4], [4]), new("MatMul", [4], [2, 4, 5]),
        new("MatMul", [2, 3, 4]) { SymbolicBatch = true, Name = "frozen weight", Build = (op, x) => op.MatMul(x[0], Constant(op, x[0].Type, 4, 5)) },
        new VjpCase("MatMul", [2, 3, 4], [4, 5]).InFloat(), new VjpCase("MatMul", [2, 3, 4], [2, 4, 5]) { SymbolicBatch = true }.InFloat(),
        new VjpCase("com.microsoft.FusedMatMul", [2, 3, 4], [2, 4, 5]) { Attributes = [("alpha", 0.5f)] }.InFloat(),
        new VjpCase("com.microsoft.FusedMatMul", [2, 4, 3], [2, 4, 5]) { Attributes = [("transA", 1L), ("alpha", 0.5f)] }.InFloat(),
        new VjpCase("com.microsoft.FusedMatMul", [2, 3, 4], [2, 5, 4]) { Attributes = [("transB", 1L), ("alpha", 2f)] }.InFloat(),
        new VjpCase("com.microsoft.FusedMatMul", [2, 4, 3], [2, 5, 4]) { Attributes = [("transA", 1L), ("transB", 1L)] }.InFloat(),
        new VjpCase("com.microsoft.FusedMatMul", [2, 3, 4], [5, 4]) { Attributes = [("transB", 1L)], Name = "weight" }.InFloat(),
        new VjpCase("com.microsoft.MultiHeadAttention", [2, 5, 8], [2, 6, 8], [2, 6, 4]) { Attributes = [("num_heads", 2L)] }.InFloat(),
        new VjpCase("com.microsoft.MultiHeadAttention", [2, 5, 6], [2, 5, 6], [2, 5, 6], [1, 1, 5, 5])
        {
            Name = "with a bias", Build = (op, x) => op.Nodes("com.microsoft", "MultiHeadAttention", [x[0], x[1], x[2], null, null, x[3]], 1, ("num_heads", 3L), ("scale", 0.7f))[0], SymbolicBatch = true,
        }.InFloat(),
        new("Gemm", [3, 4], [4, 5], [5]), new("Gemm", [4, 3], [5, 4], [3, 1]) { Attributes = [("transA", 1L), ("transB", 1L), ("alpha", 0.5f), ("beta", 2f)] },
        new("Gemm", [4, 3], [4, 5]) { Attributes = [("transA", 1L)] }, new("Gemm", [3, 4], [5, 4], []) { Attributes = [("transB", 1L)] },
        new("Einsum", [2, 3, 4], [4, 5]) { Attributes = [("equation", "bnc,cd->bnd")] }, new("Einsum", [2, 3, 4], [2, 5, 4]) { Attributes = [("equation", "bhc,bkc->bhk")] },
        new("Einsum", [3, 4], [4], [3]) { Attributes = [("equation", "ij,j,i->ij")] },
    ];

    private static IEnumerable<VjpCase> Normalizations() =>
    [
        new("LayerNormalization", [2, 3, 6], [6], [6]) { Attributes = [("epsilon", 1e-5f)] }, new("LayerNormalization", [2, 3, 4], [3, 4], [3, 4]) { Attributes = [("axis", -2L), ("epsilon", 1e-6f)] },
        new VjpCase("LayerNormalization", [2, 3, 6], [6], [6]) { Attributes = [("axis", -1L)] }.InFloat(), new VjpCase("LayerNormalization", [2, 3, 6], [6]) { SymbolicBatch = true }.InFloat(),
        new VjpCase("GroupNormalization", [2, 6, 3, 4], [6], [6]) { Build = (op, x) => op.Node("GroupNormalization", x, ("num_groups", 2L), ("epsilon", 1e-5f), ("stash_type", (long)x[0].Type)), Opset = 21, SymbolicBatch = true }.InFloat(),
        new VjpCase("GroupNormalization", [3, 6, 3, 4], [2], [2]) { Build = GroupNormalization, Name = "one scale a group" }.InFloat(),
        new VjpCase("InstanceNormalization", [2, 3, 4, 5], [3], [3]).InFloat(),
        new("BatchNormalization", [2, 3, 4, 5], [3], [3])
        {
            Build = (op, x) => op.BatchNormalization(x[0], x[1], x[2], Constant(op, x[0].Type, 3), op.Add(op.Abs(Constant(op, x[0].Type, 3)), 0.5)),
        },
        new("LpNormalization", [3, 4]) { Attributes = [("p", 2L), ("axis", -1L)] }, new("LpNormalization", [3, 4]) { Attributes = [("p", 1L), ("axis", 0L)], Kinks = [0] },
    ];

    private static IEnumerable<VjpCase> Reductions() =>
    [
        new("ReduceSum", [2, 3, 4]) { Build = (op, x) => op.ReduceSum(x[0], false, 1) }, new("ReduceSum", [2, 3, 4]) { Build = (op, x) => op.ReduceSum(x[0], true, 0, -1) },
        new("ReduceSum", [2, 3]) { Build = (op, x) => op.ReduceSum(x[0], false), Name = "all" }, new("ReduceSum", [2, 3, 4]) { Build = (op, x) => op.ReduceSum(x[0], false, -2), SymbolicBatch = true },
        new("ReduceMean", [2, 3, 4]) { Build = (op, x) => op.ReduceMean(x[0], false, -1) }, new("ReduceMean", [2, 3, 4]) { Build = (op, x) => op.ReduceMean(x[0], true, 0), SymbolicBatch = true },
        new("ReduceMax", [2, 3, 4]) { Build = (op, x) => op.ReduceMax(x[0], false, -1) }, new("ReduceMin", [2, 3, 4]) { Build = (op, x) => op.ReduceMin(x[0], true, 0, 1) },
        new("ReduceL1", [2, 3]) { Kinks = [0], Build = (op, x) => Reduce(op, "ReduceL1", x[0], 1) }, new("ReduceL2", [2, 3]) { Build = (op, x) => Reduce(op, "ReduceL2", x[0], -1) },
        new("ReduceSumSquare", [2, 3]) { Build = (op, x) => Reduce(op, "ReduceSumSquare", x[0], 0) },
        new("ReduceLogSum", [2, 3]) { Range = Positive, Build = (op, x) => Reduce(op, "ReduceLogSum", x[0], 0) },
        new("ReduceLogSumExp", [2, 3]) { Build = (op, x) => Reduce(op, "ReduceLogSumExp", x[0], 1) },
        new VjpCase("GlobalAveragePool", [2, 3, 4, 5]).InFloat(), new VjpCase("GlobalMaxPool", [2, 3, 4, 5]).InFloat(),
        new("TopK", [3, 6]) { Build = (op, x) => op.TopK(x[0], op.Int64s(3), -1).Values }, new("TopK", [6, 3]) { Build = (op, x) => op.TopK(x[0], op.Int64s(2), 0, largest: false).Values, Name = "smallest" },
    ];

    private static IEnumerable<VjpCase> Layout() =>
    [
        new("Transpose", [2, 3, 4]) { Attributes = [("perm", new long[] { 1, 2, 0 })] }, new("Transpose", [2, 3]),
        new("Reshape", [2, 3, 4]) { Build = (op, x) => op.Reshape(x[0], 0, -1) }, new("Reshape", [2, 6]) { SymbolicBatch = true, Build = (op, x) => op.Reshape(x[0], 0, 2, 3) },
        new("Flatten", [2, 3, 4]), new("Squeeze", [2, 1, 3]) { Build = (op, x) => op.Squeeze(x[0], 1) }, new("Unsqueeze", [2, 3]) { Build = (op, x) => op.Unsqueeze(x[0], -1) },
        new("Concat", [2, 3], [2, 1], [2, 2]) { Attributes = [("axis", -1L)] }, new("Concat", [2, 3], [4, 3]) { Attributes = [("axis", 0L)] },
        new("Concat", [2, 3], [2, 3]) { SymbolicBatch = true, Name = "unknown extents", Build = (op, x) => op.Reshape(op.Concat(0, x[0], x[1]), 4, 3) },
        new("Split", [2, 6]) { Build = (op, x) => op.Split(x[0], -1, 2, 3, 1) is var parts ? op.Add(op.ReduceSum(parts[0], true, -1), op.Mul(parts[2], op.ReduceSum(parts[1], true, -1))) : x[0] },
        new("Split", [2, 6]) { Build = (op, x) => op.Split(x[0], 1, 2, 4)[1], Name = "one part used" },
        new("Slice", [2, 6]) { Build = (op, x) => op.Slice(x[0], 1, 1, 4) }, new("Slice", [2, 6]) { Build = (op, x) => op.Slice(x[0], -1, 0, -1, 2), Name = "step 2" },
        new("Slice", [5, 3]) { SymbolicBatch = true, Build = (op, x) => op.ReduceSum(op.Slice(x[0], 0, 2, long.MaxValue), keepDims: true, 0), Name = "of a free axis" },
        new("Slice", [4, 6]) { Name = "at computed places", Build = (op, x) => op.ReshapeAs(op.Slice(x[0], op.Sub(op.Slice(op.Shape(x[0]), 0, 0, 2), op.Int64s(6, 5)), op.Shape(x[0]), op.Int64s(0, -1)), op.Int64s(2, 5), op.Constant(TensorData.FromValues<double>([2, 5], new double[10]))) },
        new("Slice", [5, 3]) { Build = (op, x) => op.Slice(x[0], 0, -1, long.MinValue, -2), Name = "backwards" }, new("Slice", [2, 6]) { SymbolicBatch = true, Build = (op, x) => op.Slice(x[0], 1, -3, long.MaxValue) },
        new("Expand", [3, 1]) { Build = (op, x) => op.Expand(x[0], op.Int64s(2, 3, 4)) },
        new("Tile", [2, 3]) { Build = (op, x) => op.Tile(x[0], op.Int64s(2, 3)) },
        new("Pad", [2, 3, 4]) { Build = (op, x) => op.Pad(x[0], [0, 1, 2, 0, 0, 1]) }, new("Pad", [2, 3, 4]) { Build = (op, x) => op.Pad(x[0], [0, 0, 2, 0, 0, 3], "reflect") },
        new("Pad", [2, 3, 4, 5]) { Build = (op, x) => op.Pad(x[0], [0, 1, 2, 0, 0, 1, 0, 3], "edge") }, new("Pad", [2, 3, 4, 5]) { SymbolicBatch = true, Build = (op, x) => op.Pad(x[0], [0, 0, 1, 1, 0, 0, 2, 1], "reflect") },
        new("DepthToSpace", [2, 8, 3, 2]) { Build = (op, x) => op.DepthToSpace(x[0], 2) }, new("DepthToSpace", [2, 8, 3, 2]) { Build = (op, x) => op.DepthToSpace(x[0], 2, "DCR"), Name = "DCR" },
        new("SpaceToDepth", [2, 2, 4, 6]) { Attributes = [("blocksize", 2L)] },
        new VjpCase("Dropout", [2, 3]) { Build = (op, x) => op.Node("Dropout", [op.Mul(x[0], 2)]) },
        new("Gather", [5, 3]) { Build = (op, x) => op.Gather(x[0], op.Int64s(1, 4, 1), 0), Name = "twice the same" }, new("Gather", [2, 5]) { Build = (op, x) => op.Gather(x[0], op.Int64s(3, 0), 1) },
        new("Gather", [3, 2, 4]) { Build = (op, x) => op.Gather(x[0], op.Scalar(1, ElementType.Int64), 0), Name = "one slice" }, new("Gather", [2, 3]) { Build = (op, x) => op.Gather(x[0], op.Int64s(-2, -1), 1), Name = "from the end" },
        new("Gather", [2, 5, 3]) { Build = (op, x) => op.Gather(x[0], op.Constant(TensorData.FromValues<long>([2, 2], [0, 3, 3, 4])), 1), Name = "index matrix" },
        new("Gather", [5, 3]) { Build = (op, x) => op.Gather(x[0], op.Constant(TensorData.FromValues<long>([2, 2], [0, 3, 3, 4])), 0), Name = "index matrix, axis 0" },
        new("GatherElements", [3, 4]) { Build = (op, x) => op.GatherElements(x[0], op.Constant(TensorData.FromValues<long>([3, 2], [0, 3, 1, 1, 2, 0])), 1) },
        new("GatherND", [3, 4]) { Build = (op, x) => op.Node("GatherND", [x[0], op.Constant(TensorData.FromValues<long>([2, 2], [0, 3, 1, 1]))]) },
        new("ScatterElements", [3, 4], [1, 2]) { Build = (op, x) => op.ScatterElements(x[0], op.Constant(TensorData.FromValues<long>([1, 2], [0, 3])), x[1], 1) },
        new("ScatterElements", [3, 4], [1, 2]) { Build = (op, x) => op.ScatterElements(x[0], op.Constant(TensorData.FromValues<long>([1, 2], [3, 3])), x[1], -1, "add"), Name = "add" },
        new("ScatterND", [3, 4], [2, 4]) { Build = (op, x) => op.ScatterND(x[0], op.Constant(TensorData.FromValues<long>([2, 1], [2, 0])), x[1]) },
        new("ScatterND", [3, 4], [2, 4]) { Build = (op, x) => op.ScatterND(x[0], op.Constant(TensorData.FromValues<long>([2, 1], [2, 2])), x[1], "add"), Name = "add" },
    ];

    private static IEnumerable<VjpCase> Windows() => ((VjpCase[])
    [
        new("Conv", [2, 3, 6, 7], [4, 3, 3, 3], [4]) { Build = (op, x) => op.Conv(x[0], x[1], x[2], [1, 1], [1, 1, 1, 1]) },
        new("Conv", [2, 3, 7, 6], [4, 3, 3, 2], [4]) { Build = (op, x) => op.Conv(x[0], x[1], x[2], [2, 2], [1, 0, 0, 1]), Name = "stride, rest" },
        new("Conv", [2, 3, 8, 8], [4, 3, 3, 3]) { Build = (op, x) => op.Conv(x[0], x[1], null, [1, 1], [2, 2, 2, 2], [2, 2]), Name = "dilated" },
        new("Conv", [2, 4, 6, 6], [6, 2, 3, 3], [6]) { Build = (op, x) => op.Conv(x[0], x[1], x[2], [2, 1], [1, 1, 1, 1], group: 2), Name = "grouped" },
        new("Conv", [2, 4, 6, 6], [4, 1, 3, 3]) { Build = (op, x) => op.Conv(x[0], x[1], null, [1, 1], [1, 1, 1, 1], group: 4), Name = "depthwise" },
        new("Conv", [2, 3, 8, 9], [4, 3, 4, 4], [4]) { Build = (op, x) => op.Conv(x[0], x[1], x[2], [4, 4], [0, 0, 0, 0]), Name = "patches" },
        new("Conv", [2, 3, 4, 6, 6], [4, 3, 2, 3, 3], [4]) { Build = (op, x) => op.Conv(x[0], x[1], x[2], [2, 3, 3], [0, 0, 0, 0, 0, 0]), Name = "3-D patches" },
        new("Conv", [2, 3, 5], [4, 3, 1]) { Build = (op, x) => op.Conv(x[0], x[1], null, [1], [0, 0]), Name = "1x1" },
        new("Conv", [2, 2, 9, 9], [3, 2, 8, 8]) { Build = (op, x) => op.Conv(x[0], x[1], null, [1, 1], [3, 3, 3, 3]), Name = "large kernel" },
        new("Conv", [2, 3, 6, 6], [4, 3, 3, 3]) { Build = (op, x) => op.Conv(x[0], x[1], null, [1, 1], [1, 1, 1, 1]), SymbolicBatch = true },
        new("ConvTranspose", [2, 3, 4, 4], [3, 4, 2, 2], [4]) { Build = (op, x) => op.ConvTranspose(x[0], x[1], x[2], [2, 2], [0, 0, 0, 0]) },
        new("ConvTranspose", [2, 4, 4, 5], [4, 3, 3, 3], [6]) { Build = (op, x) => op.ConvTranspose(x[0], x[1], x[2], [2, 1], [1, 1, 1, 1], group: 2, outputPadding: [1, 0]), Name = "grouped" },
        new("MaxPool", [2, 3, 6, 6]) { Build = (op, x) => op.MaxPool(x[0], [2, 2], [2, 2], [0, 0, 0, 0]) },
        new("MaxPool", [2, 3, 7, 6]) { Build = (op, x) => op.MaxPool(x[0], [3, 3], [2, 2], [1, 1, 1, 1]), SymbolicBatch = true, Name = "overlapping" },
        new("AveragePool", [2, 3, 6, 6]) { Build = (op, x) => op.AveragePool(x[0], [2, 3], [2, 3], [0, 0, 0, 0]) },
        new("AveragePool", [2, 3, 6, 6]) { Build = (op, x) => op.AveragePool(x[0], [3, 3], [1, 2], [1, 1, 1, 1]), Name = "padded, overlapping" },
        new("AveragePool", [2, 3, 6, 6]) { Attributes = [("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }), ("count_include_pad", 0L)], Name = "pad not counted" },
        .. (from mode in new[] { "nearest", "linear", "cubic" }
           from align in new[] { false, true }
           from size in new[] { (9L, 10L), (3L, 2L), (5L, 7L) }
           where !(mode == "nearest" && align)
           select new VjpCase("Resize", [2, 3, 5, 4])
           {
               Name = $"{mode}{(align ? " align corners" : "")} to {size}",
               Build = (op, x) => op.Resize(x[0], size.Item1, size.Item2, mode, align),
               SymbolicBatch = true,
           }),
        new("Resize", [2, 3, 5, 4]) { Name = "by scales", Build = (op, x) => op.Node("Resize", [x[0], null, op.Floats([4], [1, 1, 2, 2.5f])], ("mode", "linear"), ("coordinate_transformation_mode", "half_pixel")) },
    ]).Select(@case => @case.InFloat());

    private static Value Reduce(GraphBuilder op, string name, Value x, long axis) => op.Node(name, [x, op.Int64s(axis)], ("keepdims", 0L));

    private static Value Constant(GraphBuilder op, ElementType type, params long[] shape)
    {
        var random = new Random(3);
        return op.Constant(GradientCheck.Tensor(type, shape, [.. Enumerable.Range(0, checked((int)TensorData.CountOf(shape))).Select(_ => (random.NextDouble() * 2) - 1)]));
    }

    private static Value GroupNormalization(GraphBuilder op, Value[] x) =>
        op.Node("GroupNormalization", x, ("num_groups", 2L), ("epsilon", 1e-5f));
}
