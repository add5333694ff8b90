using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>DOFA's generator as part of the graph: the kernel follows from the input <c>wavelengths</c> at every run.</summary>
internal static class DofaGenerator
{
    /// <summary>Adds the input <c>wavelengths</c> [bands], micrometres, and returns kernel [width, bands, patch, patch] and bias [width].</summary>
    /// <exception cref="FileFormatException">A weight is absent or has another shape.</exception>
    public static (Value Kernel, Value Bias) Build(WeightedGraph graph, string path, long patch, long width)
    {
        var op = graph.Op;
        using var scope = op.Scope(path);
        var tokens = graph.Weight($"{path}.weight_tokens", -1, -1);
        var (count, size) = (tokens.Data!.Shape[0], tokens.Data!.Shape[1]);
        var wavelengths = op.Input("wavelengths", ElementType.Float, ["bands"]);
        var waves = Encode(op, wavelengths, (int)size);
        waves = op.Add(waves, op.Relu(graph.Linear(op.Relu(graph.Linear(waves, "patch_embed.fclayer.w1")), "patch_embed.fclayer.w2")));
        var x = op.Concat(0, tokens, waves, graph.Weight($"{path}.bias_token", 1, size));
        for (var layer = 0; layer < graph.Weights.CountBlocks($"{path}.transformer_encoder.layers"); layer++)
        {
            x = EncoderLayer(graph, x, $"{path}.transformer_encoder.layers.{layer}", size);
        }

        // Rows are the weight tokens, the bands, the bias token.
        var kernels = graph.Linear(op.Add(op.Slice(x, 0, count, -1), waves), $"{path}.fc_weight");
        var kernel = op.Transpose(op.Reshape(kernels, -1, patch, patch, width), 3, 0, 1, 2);
        var bias = op.Reshape(graph.Linear(op.Slice(x, 0, -1, long.MaxValue), $"{path}.fc_bias"), width);
        return (op.Mul(kernel, DofaKernel.Scaler), op.Mul(bias, DofaKernel.Scaler));
    }

    private static Value Encode(GraphBuilder op, Value wavelengths, int size)
    {
        var half = size / 2;
        var frequencies = op.Floats([half], [.. Enumerable.Range(0, half).Select(k => PositionTable.Frequency(k, half))]);
        var angles = op.Mul(op.Unsqueeze(op.Mul(wavelengths, 1000), 1), frequencies);
        return op.Concat(1, op.Sin(angles), op.Cos(angles));
    }

    // Post-norm, without a batch axis.
    private static Value EncoderLayer(WeightedGraph graph, Value x, string path, long width)
    {
        var op = graph.Op;
        var weight = op.Initializer($"{path}.self_attn.in_proj_weight", WeightedGraph.Single(graph.Weights.Take($"{path}.self_attn.in_proj_weight", 3 * width, width)).Transposed());
        var parts = op.Split(op.Linear(x, weight, graph.Weight($"{path}.self_attn.in_proj_bias", 3 * width)), -1, width, width, width);
        var head = width / DofaKernel.Heads;
        var (q, k, v) = (Heads(parts[0], 1, 0, 2), Heads(parts[1], 1, 2, 0), Heads(parts[2], 1, 0, 2));
        var mixed = op.MatMul(op.Softmax(op.MatMul(op.Mul(q, 1 / Math.Sqrt(head)), k)), v);
        var attended = graph.Linear(op.Reshape(op.Transpose(mixed, 1, 0, 2), 0, width), $"{path}.self_attn.out_proj");
        x = graph.Normalize(op.Add(x, attended), $"{path}.norm1", DofaKernel.Epsilon);
        var hidden = op.Gelu(graph.Linear(x, $"{path}.linear1"));
        return graph.Normalize(op.Add(x, graph.Linear(hidden, $"{path}.linear2")), $"{path}.norm2", DofaKernel.Epsilon);

        Value Heads(Value part, params long[] permutation) => op.Transpose(op.Reshape(part, 0, DofaKernel.Heads, head), permutation);
    }
}
