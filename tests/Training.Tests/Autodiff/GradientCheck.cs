using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
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
        var inputs = @case.Shapes.Select((shape, i) =>
        {
            var declared = TensorShape.Of(shape);
            return op.Input($"x{i}", @case.Type, @case.SymbolicBatch && shape.Length > 1 && shape[0] == @case.Shapes[0][0] ? declared.With(0, "batch") : declared);
        }).ToArray();
        var y = @case.Build is { } build ? build(op, inputs) : op.Nodes(Domain(@case.Op), Name(@case.Op), inputs, 1, @case.Attributes)[0];
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
