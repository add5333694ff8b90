using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Activation functions and softmax.</summary>
internal static class ActivationRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["Relu"] = [c => c.GradWhere(c.Op.Greater(c.Output, c.Zero))],
        ["LeakyRelu"] = [c => c.Op.Where(c.Op.Greater(c.Target, c.Zero), c.Grad, c.Op.Mul(c.Grad, c.Attribute("alpha", 0.01f)))],
        ["PRelu"] =
        [
            c => c.Op.Where(c.Op.Greater(c.Input(0), c.Zero), c.Grad, c.Op.Mul(c.Grad, c.Input(1))),
            c => c.Op.Where(c.Op.Greater(c.Input(0), c.Zero), c.Zero, c.Op.Mul(c.Grad, c.Input(0))),
        ],
        ["Elu"] = [c => c.Op.Where(c.Op.Greater(c.Target, c.Zero), c.Grad, c.Op.Mul(c.Grad, c.Op.Add(c.Output, c.Attribute("alpha", 1f))))],
        ["Tanh"] = [c => c.Op.Mul(c.Grad, c.Op.Sub(c.Op.Scalar(1, c.Target), c.Op.Mul(c.Output, c.Output)))],
        ["Sigmoid"] = [c => c.Op.Mul(c.Grad, c.Op.Mul(c.Output, c.Op.Sub(c.Op.Scalar(1, c.Target), c.Output)))],
        ["Softplus"] = [c => c.Op.Mul(c.Grad, c.Op.Sigmoid(c.Target))],
        ["HardSigmoid"] =
        [
            c => c.Op.Mul(c.GradWhere(c.Op.And(c.Op.Greater(c.Output, c.Zero), c.Op.Less(c.Output, c.Op.Scalar(1, c.Target)))), c.Attribute("alpha", 0.2f)),
        ],
        ["HardSwish"] = [HardSwish],
        ["Gelu"] = [c => c.Node.Text("approximate", "none") == "tanh" ? GeluTanh(c) : GeluExact(c)],
        ["com.microsoft.Gelu"] = [GeluExact],
        ["com.microsoft.FastGelu"] = [GeluTanh],
        ["com.microsoft.QuickGelu"] = [QuickGelu],
        ["Softmax"] = [c =>
        {   // dx = y ⊙ (g − Σ g⊙y), summed over the softmax axis
            var projection = OfMixture(c) ?? c.Op.ReduceSum(c.Op.Mul(c.Grad, c.Output), keepDims: true, c.Attribute("axis", -1));
            return c.Op.Mul(c.Output, c.Op.Sub(c.Grad, projection));
        }],
        ["LogSoftmax"] = [c =>
        {   // dx = g − e^y Σ g
            var total = c.Op.ReduceSum(c.Grad, keepDims: true, c.Attribute("axis", -1));
            return c.Op.Sub(c.Grad, c.Op.Mul(c.Op.Exp(c.Output), total));
        }],
    };

    /// <summary>Σ g⊙y of attention weights y, of which o = y·v is the only use: with g = dO·vᵀ it is Σ dO⊙o, over a head's width instead of over all tokens (FlashAttention, Dao et al.
    /// 2022, appendix B). Null where there is no such product, or where it would not be narrower.</summary>
    private static Value? OfMixture(VjpContext c)
    {
        var y = c.Output;
        if (c.Grad.Producer is not { Domain: "com.microsoft", OpType: "FusedMatMul" } gradient || gradient.Int("transA", 0) != 0 || gradient.Int("transB", 0) != 1 || gradient.Float("alpha", 1) != 1
            || c.Axis(y) != y.Rank - 1 || c.Op.Graph.Consumers(y).Where(node => node.Inputs.Contains(y) && !IsGradient(node)).ToList() is not [{ Domain: "", OpType: "MatMul" } mixture]
            || mixture.Input(0) != y || mixture.Input(1) != gradient.Input(1) || mixture.Output.KnownShape[-1].Value is not { } width || y.KnownShape[-1].Value is not { } tokens || width >= tokens)
        {
            return null;
        }

        return c.Op.ReduceSum(c.Op.Mul(gradient.Input(0), mixture.Output), keepDims: true, -1);

        // What v's gradient reads of y.
        bool IsGradient(Node node) => node is { Domain: "com.microsoft", OpType: "FusedMatMul" } && node.Input(1) == gradient.Input(0);
    }

    /// <summary>d(xΦ(x)) = Φ(x) + x·φ(x). With s = x/√2 these are Φ(x) = ½ + ½·erf(s) and x·φ(x) = s·e^(−½·ln π − s²): each further operator is a pass over the widest values of a block.</summary>
    private static Value GeluExact(VjpContext c)
    {
        var (op, x) = (c.Op, c.Target);
        var scaled = op.Mul(x, 1 / Math.Sqrt(2));
        var density = op.Exp(op.Sub(op.Scalar(-0.5 * Math.Log(Math.PI), x), op.Mul(scaled, scaled)));
        return op.Mul(c.Grad, op.Add(Half(op, op.Erf(scaled)), op.Mul(scaled, density)));
    }

    /// <summary>½ + ½·x of an x from −1 to 1, in one pass; ONNX Runtime has HardSigmoid for float only.</summary>
    private static Value Half(GraphBuilder op, Value x) => x.Type == ElementType.Float
        ? op.Node("HardSigmoid", [x], ("alpha", 0.5f), ("beta", 0.5f))
        : op.Add(op.Mul(x, 0.5), 0.5);

    /// <summary>y = ½x(1 + t), t = tanh(u), u = √(2/π)(x + 0.044715x³); dy = ½(1 + t) + ½x(1 − t²)·u′.</summary>
    private static Value GeluTanh(VjpContext c)
    {
        var (op, x) = (c.Op, c.Target);
        if (c.Node.OptionalInput(1) is not null)
        {
            throw c.Unsupported("its bias input is not supported; add the bias before it");
        }

        var root = Math.Sqrt(2 / Math.PI);
        var square = op.Mul(x, x);
        var tanh = op.Tanh(op.Mul(x, op.Add(op.Mul(square, root * 0.044715), root)));
        var slope = op.Add(op.Mul(square, 3 * root * 0.044715), root);
        var inner = op.Mul(op.Mul(x, op.Sub(op.Scalar(1, x), op.Mul(tanh, tanh))), slope);
        return op.Mul(c.Grad, op.Mul(op.Add(op.Add(tanh, 1), inner), 0.5));
    }

    /// <summary>y = x·s, s = sigmoid(αx); dy = s + αx·s(1 − s).</summary>
    private static Value QuickGelu(VjpContext c)
    {
        var (op, x) = (c.Op, c.Target);
        var alpha = c.Attribute("alpha", 1.702f);
        var sigmoid = op.Sigmoid(op.Mul(x, alpha));
        var bend = op.Mul(op.Mul(x, alpha), op.Mul(sigmoid, op.Sub(op.Scalar(1, x), sigmoid)));
        return op.Mul(c.Grad, op.Add(sigmoid, bend));
    }

    /// <summary>y = x·clip(x/6 + ½, 0, 1).</summary>
    private static Value HardSwish(VjpContext c)
    {
        var (op, x) = (c.Op, c.Target);
        var middle = op.Add(op.Mul(x, 1.0 / 3), 0.5);
        var slope = op.Where(op.GreaterOrEqual(x, op.Scalar(3, x)), op.Scalar(1, x), op.Where(op.LessOrEqual(x, op.Scalar(-3, x)), c.Zero, middle));
        return op.Mul(c.Grad, slope);
    }
}
