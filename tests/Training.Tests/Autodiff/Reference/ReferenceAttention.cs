using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>Attention of several heads in one operator.</summary>
internal static class ReferenceAttention
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new() { ["com.microsoft.MultiHeadAttention"] = MultiHead };

    /// <summary>softmax(scale · q·kᵀ + bias) · v for each head; queries and keys are [batch, tokens, heads · width], the sixth input is the bias.</summary>
    private static ReferenceTensor MultiHead(Node node, ReferenceTensor?[] inputs)
    {
        var (query, key, value, bias, heads) = (inputs[0]!, inputs[1]!, inputs[2]!, inputs.ElementAtOrDefault(5), node.Int("num_heads", 1));
        Assert.All(inputs.Skip(3).Take(2), Assert.Null);
        var (width, depth, keys) = (query.Shape[2] / heads, value.Shape[2] / heads, key.Shape[1]);
        var scale = node.Float("scale", 0) is var given && given != 0 ? given : 1 / Math.Sqrt(width);
        var y = new ReferenceTensor(query.Shape[0], query.Shape[1], value.Shape[2]);
        foreach (var at in ReferenceTensor.Indices([query.Shape[0], heads, query.Shape[1]]))
        {
            var (image, head, token) = (at[0], at[1], at[2]);
            var scores = new double[keys];
            for (var k = 0L; k < keys; k++)
            {
                for (var i = 0L; i < width; i++)
                {
                    scores[k] += scale * query[image, token, (head * width) + i] * key[image, k, (head * width) + i];
                }

                scores[k] += bias?.Broadcast([image, head, token, k]) ?? 0;
            }

            var highest = scores.Max();
            double[] weights = [.. scores.Select(score => Math.Exp(score - highest))];
            var sum = weights.Sum();
            for (var i = 0L; i < depth; i++)
            {
                y[image, token, (head * depth) + i] = Enumerable.Range(0, (int)keys).Sum(k => weights[k] / sum * value[image, k, (head * depth) + i]);
            }
        }

        return y;
    }
}
