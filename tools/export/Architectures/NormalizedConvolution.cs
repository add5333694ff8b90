using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>A convolution without bias and the batch normalisation behind it.</summary>
/// <param name="graph">The graph and its weights.</param>
/// <param name="keep">True writes both operators, so that training can update the normalisation; false folds it into the kernel.</param>
internal sealed class NormalizedConvolution(WeightedGraph graph, bool keep)
{
    private const float Epsilon = 1e-5f;

    /// <summary>The graph and its weights.</summary>
    public WeightedGraph Graph => graph;

    /// <summary>Appends convolution <c>PATH</c> and normalisation <c>NORM</c>.</summary>
    /// <exception cref="FileFormatException">A weight is absent or has another shape.</exception>
    public Value Build(Value x, string path, string norm, long stride, long padding)
    {
        var op = graph.Op;
        var kernel = WeightedGraph.Single(graph.Weights.Take($"{path}.weight", -1, x.KnownShape[1].Value ?? -1, -1, -1));
        var outputs = kernel.Shape[0];
        if (keep)
        {
            var convolved = Convolve(op.Initializer($"{path}.weight", kernel), null);
            return op.BatchNormalization(convolved, graph.Weight($"{norm}.weight", outputs), graph.Weight($"{norm}.bias", outputs),
                graph.Weight($"{norm}.running_mean", outputs), graph.Weight($"{norm}.running_var", outputs), Epsilon);
        }

        var (folded, bias) = Fold(kernel, Vector("weight"), Vector("bias"), Vector("running_mean"), Vector("running_var"));
        return Convolve(op.Initializer($"{path}.weight", folded), op.Initializer($"{path}.bias", bias));

        float[] Vector(string name) => graph.Weights.Take($"{norm}.{name}", outputs).ToSingles();

        Value Convolve(Value weight, Value? offset) => op.Conv(x, weight, offset, [stride, stride], [padding, padding, padding, padding]);
    }

    // y = γ·(Wx − μ)/√(σ² + ε) + β = (γ/√(σ² + ε)·W)x + (β − γμ/√(σ² + ε))
    private static (TensorData Kernel, TensorData Bias) Fold(TensorData kernel, float[] scale, float[] offset, float[] mean, float[] variance)
    {
        var values = kernel.ToSingles();
        var bias = new float[scale.Length];
        var length = values.Length / scale.Length;
        for (var output = 0; output < scale.Length; output++)
        {
            var factor = scale[output] / Math.Sqrt((double)variance[output] + Epsilon);
            bias[output] = (float)(offset[output] - (mean[output] * factor));
            foreach (ref var value in values.AsSpan(output * length, length))
            {
                value = (float)(value * factor);
            }
        }

        return (TensorData.FromValues<float>(kernel.Shape.AsSpan(), values), TensorData.FromValues<float>([bias.Length], bias));
    }
}
