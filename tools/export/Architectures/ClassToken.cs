using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>The token in front of the patch tokens, and what is computed of all tokens at the end.</summary>
internal static class ClassToken
{
    /// <summary>[batch, 1 + N, width]: <paramref name="token"/> [1, 1, width] in front of <paramref name="patches"/> [batch, N, width].</summary>
    public static Value Prepend(WeightedGraph graph, Value image, Value patches, Value token)
    {
        var op = graph.Op;
        var shape = op.Concat(0, op.Slice(op.Shape(image), 0, 0, 1), op.Int64s(1, token.KnownShape[-1].Value!.Value));
        return op.Concat(1, op.Expand(token, shape), patches);
    }

    /// <summary>
    /// Adds the outputs <c>tokens</c> [batch, 1 + N, width], <c>pooled</c> [batch, width] and <c>logits</c> [batch, classes] where asked for, in timm's two ways:
    /// with <c>fc_norm</c> the mean of the patch tokens is normalised, with <c>norm</c> all tokens are and the class token is taken.
    /// </summary>
    /// <param name="graph">The graph and its weights.</param>
    /// <param name="x">All tokens behind the last block.</param>
    /// <param name="outputs">Outputs that are asked for.</param>
    /// <param name="epsilon">Epsilon of the normalisations.</param>
    /// <param name="poolsPatches">Without <c>fc_norm</c> the mean of the patch tokens is normalised all the same, unscaled, as data2vec is evaluated; its
    /// class token learns nothing.</param>
    public static void Pool(WeightedGraph graph, Value x, IReadOnlyList<string> outputs, float epsilon, bool poolsPatches = false)
    {
        if (!outputs.Any(name => name is "tokens" or "pooled" or "logits"))
        {
            return;
        }

        var op = graph.Op;
        Value pooled;
        if (poolsPatches && !graph.Weights.Contains("fc_norm.weight"))
        {
            var width = (int)x.KnownShape[-1].Value!.Value;
            var mean = op.ReduceMean(op.Slice(x, 1, 1, long.MaxValue), keepDims: false, 1);
            pooled = op.LayerNormalization(mean, op.Floats([width], [.. Enumerable.Repeat(1f, width)]), op.Floats([width], new float[width]), epsilon);
            x = outputs.Contains("tokens") ? graph.Normalize(x, "norm", epsilon) : x;
        }
        else if (graph.Weights.Contains("fc_norm.weight"))
        {
            pooled = graph.Normalize(op.ReduceMean(op.Slice(x, 1, 1, long.MaxValue), keepDims: false, 1), "fc_norm", epsilon);
        }
        else
        {
            x = graph.Normalize(x, "norm", epsilon);
            pooled = op.Squeeze(op.Slice(x, 1, 0, 1), 1);
        }

        var logits = outputs.Contains("logits") ? graph.Linear(pooled, "head") : pooled;
        foreach (var name in outputs.Where(name => name is "tokens" or "pooled" or "logits"))
        {
            op.Output(name switch { "tokens" => x, "pooled" => pooled, _ => logits }, name);
        }
    }
}
