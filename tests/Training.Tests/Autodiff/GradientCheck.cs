using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Tests.Autodiff.Reference;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Tests.Autodiff;

/// <summary>⟨v, (f(x+εu) − f(x−εu)) / 2ε⟩ ≈ ⟨Jᵀv, u⟩ for seeded random u, v; both sides run on ONNX Runtime.</summary>
internal static class GradientCheck
{
    public static void Run(VjpCase @case)
    {
        var random = new Random(7);
        var points = @case.Shapes.Select(shape => Draw(random, shape, @case)).ToArray();
        var model = Compile(@case, out var names);
        using var options = Ort.Quiet;
        using var session = new InferenceSession(model.ToBytes(), options);
        var value = Evaluate(session, @case, points, null)["y"];
        var v = Enumerable.Range(0, checked((int)value.Count)).Select(_ => (random.NextDouble() * 2) - 1).ToArray();
        var results = Evaluate(session, @case, points, Tensor(@case.Type, value.Shape.ToArray(), v));
        for (var input = 0; input < points.Length; input++)
        {
            if (names[input] is null)
            {
                continue;
            }

            var gradient = results[names[input]!];
            Assert.Equal(@case.Shapes[input], gradient.Shape);
            var u = Enumerable.Range(0, points[input].Length).Select(_ => (random.NextDouble() * 2) - 1).ToArray();
            var step = @case.Type == ElementType.Double ? 1e-6 : 2e-3;
            var expected = 0.0;
            var (up, down) = (Shifted(+step), Shifted(-step));
            for (var i = 0; i < v.Length; i++)
            {
                expected += v[i] * (up[i] - down[i]) / (2 * step);
            }

            var elements = Doubles(gradient);
            var actual = elements.Zip(u, (g, d) => g * d).Sum();
            var scale = Math.Max(Math.Abs(expected), elements.Zip(u, (g, d) => Math.Abs(g * d)).Sum() / Math.Sqrt(elements.Length));
            Assert.True(Math.Abs(expected - actual) <= @case.Tolerance * Math.Max(scale, 1e-2),
                $"{@case}: input {input}: finite differences give {expected}, the gradient graph {actual}.");

            double[] Shifted(double distance)
            {
                var moved = points.ToArray();
                moved[input] = [.. points[input].Zip(u, (x, d) => x + (distance * d))];
                return Doubles(Evaluate(session, @case, moved, null)["y"]);
            }
        }
    }

    /// <summary>
    /// Compares the reference with ONNX Runtime's own value, and each element of the gradient in single precision with central differences of the
    /// reference in double. Both tolerances are what float arithmetic explains, relative to the largest element.
    /// </summary>
    public static void RunReference(VjpCase @case)
    {
        const double Step = 1e-6, OfValue = 4e-6, OfGradient = 1e-5;
        var random = new Random(11);
        var points = @case.Shapes.Select(shape => Array.ConvertAll(Draw(random, shape, @case), value => (double)(float)value)).ToArray();
        var forward = Forward(@case);
        var expected = ReferenceOperators.Run(forward, Tensors(points));
        var model = Compile(@case, out var names);
        using var options = Ort.Quiet;
        using var session = new InferenceSession(model.ToBytes(), options);
        double[] v = [.. expected.Values.Select(_ => (double)(float)((random.NextDouble() * 2) - 1))];
        var results = Evaluate(session, @case, points, Tensor(@case.Type, expected.Shape, v));
        Assert.Equal(expected.Shape, results["y"].Shape);
        Close("the value", expected.Values, Doubles(results["y"]), OfValue);
        for (var input = 0; input < points.Length; input++)
        {
            if (names[input] is not null)
            {
                Close($"the gradient of input {input}", [.. Enumerable.Range(0, points[input].Length).Select(i => (Projection(input, i, +Step) - Projection(input, i, -Step)) / (2 * Step))], Doubles(results[names[input]!]), OfGradient);
            }
        }

        ReferenceTensor[] Tensors(double[][] values) => [.. values.Select((numbers, i) => new ReferenceTensor(@case.Shapes[i], numbers))];

        double Projection(int input, int element, double distance)
        {
            var moved = points.Select(point => point.ToArray()).ToArray();
            moved[input][element] += distance;
            return ReferenceOperators.Run(forward, Tensors(moved)).Values.Zip(v, (y, weight) => y * weight).Sum();
        }

        void Close(string what, double[] wanted, double[] found, double tolerance)
        {
            var bound = tolerance * wanted.Max(Math.Abs);
            Assert.True(bound > 0, $"{@case}: {what} is 0 everywhere, which shows nothing.");
            Assert.All(wanted.Zip(found), (pair, i) => Assert.True(Math.Abs(pair.First - pair.Second) <= bound, $"{@case}: element {i} of {what} is {pair.First} by the reference, {pair.Second} by the graph; {bound:g2} apart is allowed."));
        }
    }

    /// <summary>True when ONNX Runtime has kernels in double precision for the function of a case and its gradients.</summary>
    public static bool HasDoubleKernels(VjpCase @case)
    {
        using var options = Ort.Quiet;
        try
        {
            using var session = new InferenceSession(Compile(@case.In(ElementType.Double, @case.Tolerance), out _).ToBytes(), options);
            return true;
        }
        catch (OnnxRuntimeException refused) when (refused.Message.Contains("NotImplemented", StringComparison.OrdinalIgnoreCase) || refused.Message.Contains("NOT_IMPLEMENTED", StringComparison.Ordinal)
            || refused.Message.Contains("Type 'tensor(double)'", StringComparison.Ordinal))
        {
            return false;
        }
    }

    /// <summary>y = f(x₀, x₁, …) and, for a fed v, the gradient of ⟨v, y⟩ with respect to each input.</summary>
    private static OnnxModel Compile(VjpCase @case, out string?[] names)
    {
        var op = new GraphBuilder("check");
        var y = Function(op, @case, out var inputs);
        var v = op.Input("v", @case.Type, y.KnownShape);
        var gradients = Backpropagation.Run(op, y, inputs, v);
        op.Output(y, "y");
        names = new string?[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (gradients[i] is { } gradient)
            {
                names[i] = op.Output(gradient, $"gradient{i}").Name;
            }
        }

        Assert.Contains(names, name => name is not null);
        var model = new OnnxModel(op.Graph) { IrVersion = @case.Opset > 20 ? 10 : 9 };
        model.Opsets[""] = @case.Opset;
        return model;
    }

    /// <summary>The function alone, without its gradient.</summary>
    private static Graph Forward(VjpCase @case)
    {
        var op = new GraphBuilder("forward");
        op.Output(Function(op, @case, out _), "y");
        return op.Graph;
    }

    private static Value Function(GraphBuilder op, VjpCase @case, out Value[] inputs)
    {
        inputs = [.. @case.Shapes.Select((shape, i) =>
        {
            var declared = TensorShape.Of(shape);
            return op.Input($"x{i}", @case.Type, @case.SymbolicBatch && shape.Length > 1 && shape[0] == @case.Shapes[0][0] ? declared.With(0, "batch") : declared);
        })];
        return @case.Build is { } build ? build(op, inputs) : op.Nodes(Domain(@case.Op), Name(@case.Op), inputs, 1, @case.Attributes)[0];
    }

    private static Dictionary<string, TensorData> Evaluate(InferenceSession session, VjpCase @case, double[][] points, TensorData? v)
    {
        var inputs = points.Select((point, i) => ($"x{i}", Tensor(@case.Type, @case.Shapes[i], point))).ToList();
        if (v is not null)
        {
            return Ort.Run(session, [.. inputs, ("v", v)]);
        }

        // Only y is wanted; the gradient of any v of the right shape comes along.
        var shape = Shape(session, @case, points);
        return Ort.Run(session, [.. inputs, ("v", Tensor(@case.Type, shape, new double[TensorData.CountOf(shape)]))]);
    }

    private static long[] Shape(InferenceSession session, VjpCase @case, double[][] points) => [.. session.InputMetadata["v"].Dimensions.Select(extent =>
        extent >= 0 ? (long)extent : @case.SymbolicBatch ? @case.Shapes[0][0] : throw new NotSupportedException($"{@case} has an output of unknown shape; {points.Length} inputs"))];

    private static double[] Draw(Random random, long[] shape, VjpCase @case)
    {
        var values = new double[TensorData.CountOf(shape)];
        for (var i = 0; i < values.Length; i++)
        {
            do
            {
                values[i] = @case.Range.Low + (random.NextDouble() * (@case.Range.High - @case.Range.Low));
            }
            while (@case.Kinks.Any(kink => Math.Abs(values[i] - kink) < @case.Margin));
        }

        return values;
    }

    public static TensorData Tensor(ElementType type, long[] shape, double[] values) => type == ElementType.Double
        ? TensorData.FromValues<double>(shape, values)
        : TensorData.FromValues<float>(shape, Array.ConvertAll(values, value => (float)value));

    public static double[] Doubles(TensorData data) => data.Type == ElementType.Double
        ? data.AsSpan<double>().ToArray()
        : Array.ConvertAll(data.ToSingles(), value => (double)value);

    private static string Domain(string op) => op.Contains('.', StringComparison.Ordinal) ? op[..op.LastIndexOf('.')] : "";

    private static string Name(string op) => op[(op.LastIndexOf('.') + 1)..];
}
