using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Attention in one operator: w = softmax(s·q·kᵀ + bias), y = w·v, a head. The operator keeps none of it, so the rules compute w again; ONNX
/// Runtime makes one of the like products.</summary>
internal static class AttentionRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["com.microsoft.MultiHeadAttention"] = [Query, Key, ValueOf, null, null, c => Unbroadcast.To(c.Op, Make(c).ScoreGradient(c), c.Input(5), c.Node, 5)],
    };

    private static Value Query(VjpContext c)
    {
        var parts = Make(c);
        return Merged(c, c.Op.Mul(c.Op.MatMul(parts.ScoreGradient(c), parts.Keys), parts.Scale));
    }

    private static Value Key(VjpContext c)
    {
        var parts = Make(c);
        return Merged(c, c.Op.Mul(c.Op.MatMul(Swapped(c, parts.ScoreGradient(c)), parts.Queries), parts.Scale));
    }

    private static Value ValueOf(VjpContext c)
    {
        var parts = Make(c);
        return Merged(c, c.Op.MatMul(Swapped(c, parts.Weights), parts.Gradient));
    }

    private static Parts Make(VjpContext c)
    {
        if (c.Node.OptionalInput(3) is not null || c.Node.OptionalInput(4) is not null || c.Node.Inputs.Skip(6).Any(input => input is not null) || c.Attribute("unidirectional", 0) != 0)
        {
            throw c.Unsupported("it has a bias, a padding mask, a past or a direction; an attention bias is all that is known here. Export the encoder with --attention standard");
        }

        var op = c.Op;
        var heads = c.Attribute("num_heads", 1);
        var (q, k, v, gradient) = (Heads(c.Input(0)), Heads(c.Input(1)), Heads(c.Input(2)), Heads(c.Grad));
        var width = c.Input(0).KnownShape[-1].Value ?? throw c.Unsupported("the width of its queries is not known");
        var scale = c.Attribute("scale", 0f) is var given && given > 0 ? given : 1 / Math.Sqrt(width / (double)heads);
        var scores = op.Mul(op.MatMul(q, Swapped(c, k)), scale);
        var weights = op.Softmax(c.Node.OptionalInput(5) is { } bias ? op.Add(scores, bias) : scores);
        return new Parts(q, k, v, weights, gradient, scale);

        // [batch, tokens, heads · width] → [batch, heads, tokens, width]
        Value Heads(Value x) => op.Transpose(op.Reshape(x, 0, 0, heads, -1), 0, 2, 1, 3);
    }

    private static Value Swapped(VjpContext c, Value x) => c.Op.Transpose(x, 0, 1, 3, 2);

    private static Value Merged(VjpContext c, Value x) => c.Reshape(c.Op.Transpose(x, 0, 2, 1, 3), c.Target);

    private sealed record Parts(Value Queries, Value Keys, Value Values, Value Weights, Value Gradient, double Scale)
    {
        /// <summary>ds = w ⊙ (dw − Σ dw⊙w) with dw = g·vᵀ.</summary>
        public Value ScoreGradient(VjpContext c)
        {
            var weights = c.Op.MatMul(Gradient, Swapped(c, Values));
            return c.Op.Mul(Weights, c.Op.Sub(weights, c.Op.ReduceSum(c.Op.Mul(weights, Weights), keepDims: true, -1)));
        }
    }
}
