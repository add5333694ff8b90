using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Arithmetic, one rule per input, null where no gradient flows. Broadcasting is the walker's business.</summary>
internal static class ElementwiseRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["Identity"] = [c => c.Grad],
        ["Cast"] = [c => c.Op.Cast(c.Grad, c.Target.Type)],
        ["CastLike"] = [c => c.Op.Cast(c.Grad, c.Target.Type), null],
        ["Add"] = [c => c.Grad, c => c.Grad],
        ["Sub"] = [c => c.Grad, c => c.Op.Neg(c.Grad)],
        ["Mul"] = [c => c.Op.Mul(c.Grad, c.Input(1)), c => c.Op.Mul(c.Grad, c.Input(0))],
        ["Div"] = [c => c.Op.Div(c.Grad, c.Input(1)), c => c.Op.Neg(c.Op.Mul(c.Grad, c.Op.Div(c.Output, c.Input(1))))],
        ["Pow"] = [PowBase, PowExponent],
        ["Neg"] = [c => c.Op.Neg(c.Grad)],
        ["Abs"] = [c => c.Op.Mul(c.Grad, c.Op.Sign(c.Target))],
        ["Sqrt"] = [c => c.Op.Div(c.Grad, c.Op.Mul(c.Output, 2))],
        ["Reciprocal"] = [c => c.Op.Neg(c.Op.Mul(c.Grad, c.Op.Mul(c.Output, c.Output)))],
        ["Exp"] = [c => c.Op.Mul(c.Grad, c.Output)],
        ["Log"] = [c => c.Op.Div(c.Grad, c.Target)],
        ["Sin"] = [c => c.Op.Mul(c.Grad, c.Op.Cos(c.Target))],
        ["Cos"] = [c => c.Op.Neg(c.Op.Mul(c.Grad, c.Op.Sin(c.Target)))],
        ["Erf"] = [c => c.Op.Mul(c.Op.Mul(c.Grad, 2 / Math.Sqrt(Math.PI)), c.Op.Exp(c.Op.Neg(c.Op.Mul(c.Target, c.Target))))],
        ["Sum"] = [c => c.Grad],
        ["Mean"] = [c => c.Op.Mul(c.Grad, 1.0 / c.Node.Inputs.Count)],
        ["Max"] = [ShareOfTies],
        ["Min"] = [ShareOfTies],
        ["Mod"] = [c => c.Grad, null],
        ["Where"] = [null, c => c.Op.Where(c.Input(0), c.Grad, c.Zero), c => c.Op.Where(c.Input(0), c.Zero, c.Grad)],
        ["Clip"] = [ClipInput, c => c.GradWhere(c.Op.Less(c.Input(0), c.Target)), c => c.GradWhere(c.Op.Greater(c.Input(0), c.Target))],
        ["CumSum"] =
        [
            c => c.Op.Node("CumSum", [c.Grad, c.Input(1)], ("reverse", 1 - c.Attribute("reverse", 0)), ("exclusive", c.Attribute("exclusive", 0))),
            null,
        ],
        ["Trilu"] = [c => c.Op.Node("Trilu", [c.Grad, c.Node.OptionalInput(1)], ("upper", c.Attribute("upper", 1))), null],

        // Piecewise constant: the derivative is zero wherever it exists.
        ["Sign"] = [null],
        ["Floor"] = [null],
        ["Ceil"] = [null],
        ["Round"] = [null],
    };

    private static Value PowBase(VjpContext c) =>
        c.Input(1) is { Data: { } data, Producer: null } && data is { Count: 1, Type: ElementType.Float or ElementType.Double } && data.ToSingles()[0] == 2
            ? c.Op.Mul(c.Grad, c.Op.Mul(c.Target, 2))
            : c.Op.Mul(c.Grad, c.Op.Mul(c.Input(1), c.Op.Pow(c.Target, c.Op.Sub(c.Input(1), c.Op.Scalar(1, c.Input(1))))));

    /// <summary>g · y · log(base), and zero where the base is not positive, as PyTorch for a base of zero.</summary>
    private static Value PowExponent(VjpContext c)
    {
        var positive = c.Op.Greater(c.Input(0), c.Zero);
        var logarithm = c.Op.Log(c.Op.Where(positive, c.Input(0), c.Op.Scalar(1, c.Input(0))));
        return c.Op.Mul(c.Grad, c.Op.Mul(c.Output, logarithm));
    }

    /// <summary>The gradient goes to the inputs that equal the result, in equal parts when several do (as PyTorch).</summary>
    private static Value ShareOfTies(VjpContext c)
    {
        var masks = c.Node.Inputs.Select((_, i) => c.Mask(c.Op.Equal(c.Input(i), c.Output))).ToList();
        return masks.Count == 1 ? c.Grad : c.Op.Mul(c.Grad, c.Op.Div(masks[c.Index], masks.Aggregate(c.Op.Add)));
    }

    /// <summary>Passes where minimum ≤ x ≤ maximum, the bounds included (as PyTorch).</summary>
    private static Value ClipInput(VjpContext c)
    {
        var low = c.Node.OptionalInput(1) is { } minimum ? c.Op.GreaterOrEqual(c.Target, minimum) : null;
        var high = c.Node.OptionalInput(2) is { } maximum ? c.Op.LessOrEqual(c.Target, maximum) : null;
        return low is null && high is null ? c.Grad : c.GradWhere(low is null ? high! : high is null ? low : c.Op.And(low, high));
    }
}
