using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Reductions: the gradient goes back to every element that was summed up.</summary>
internal static class ReductionRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["ReduceSum"] = [c => Spread(c, c.Grad), null],
        ["ReduceMean"] = [c => Spread(c, c.Op.Div(c.Grad, c.CountOf(c.Input(0), c.ReducedAxes()))), null],
        ["ReduceMax"] = [Extremum, null],
        ["ReduceMin"] = [Extremum, null],
        ["ReduceL1"] = [c => c.Op.Mul(c.WithReducedAxes(c.Grad), c.Op.Sign(c.Input(0))), null],
        ["ReduceL2"] = [L2, null],
        ["ReduceSumSquare"] = [c => c.Op.Mul(c.WithReducedAxes(c.Grad), c.Op.Mul(c.Input(0), 2)), null],
        ["ReduceLogSum"] = [c => Spread(c, c.Op.Mul(c.Grad, c.Op.Exp(c.Op.Neg(c.Output)))), null],
        ["ReduceLogSumExp"] =
        [
            c => c.Op.Mul(c.WithReducedAxes(c.Grad), c.Op.Exp(c.Op.Sub(c.Input(0), c.WithReducedAxes(c.Output)))), null,
        ],
        ["GlobalAveragePool"] = [c => c.Op.Expand(c.Op.Div(c.Grad, c.CountOf(c.Input(0), Spatial(c))), c.ShapeOf(c.Input(0)))],
        ["GlobalMaxPool"] = [c => Ties(c, c.Grad, c.Output, Spatial(c))],
        ["TopK"] =
        [
            c => c.Op.ScatterElements(c.ZerosLike(c.Input(0)), c.Node.Outputs[1]!, c.GradientOrZero(0), c.Axis(c.Input(0))), null,
        ],
    };

    private static long[] Spatial(VjpContext c) => [.. Enumerable.Range(2, c.Input(0).Rank - 2).Select(axis => (long)axis)];

    private static Value Spread(VjpContext c, Value gradient) => c.Op.Expand(c.WithReducedAxes(gradient), c.ShapeOf(c.Input(0)));

    private static Value Extremum(VjpContext c) => Ties(c, c.WithReducedAxes(c.Grad), c.WithReducedAxes(c.Output), c.ReducedAxes());

    /// <summary>Shared in equal parts among the elements that attain the extremum (as PyTorch's amax).</summary>
    private static Value Ties(VjpContext c, Value gradient, Value extremum, long[] axes)
    {
        var mask = c.Mask(c.Op.Equal(c.Input(0), extremum));
        return c.Op.Mul(mask, c.Op.Div(gradient, c.Op.ReduceSum(mask, keepDims: true, axes)));
    }

    /// <summary>g · x / ‖x‖, and zero at the origin (as PyTorch).</summary>
    private static Value L2(VjpContext c)
    {
        var norm = c.WithReducedAxes(c.Output);
        var safe = c.Op.Where(c.Op.Equal(norm, c.Zero), c.Op.Scalar(1, norm), norm);
        return c.Op.Mul(c.Input(0), c.Op.Div(c.WithReducedAxes(c.Grad), safe));
    }
}
