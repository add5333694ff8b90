using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>
/// Sigmoid focal loss of each class against the rest (Lin et al. 2017), γ = 2: with b = log(1 + eᶻ) − z·t and f = (1 − e⁻ᵇ)² over valid
/// pixels, the mean of f·b / max(Σf, 1e-6), mean over classes. Normalised by Σf and by the number of pixels, so it is small.
/// </summary>
/// <remarks>As segmentation_models_pytorch 0.6 with normalized = true; Σf takes part in the gradient. Without a valid pixel it is 0 (NaN in the reference).</remarks>
internal sealed record FocalLoss : Loss
{
    public long? IgnoreIndex { get; init; }

    public override ElementType TargetType => ElementType.Int64;

    public override TensorShape TargetShape(TensorShape prediction) => ClassTargets.Shape(prediction);

    internal override Value Build(GraphBuilder op, Value prediction, Value target)
    {
        var targets = ClassTargets.Of(op, prediction, target, IgnoreIndex);
        long[] axes = [.. Enumerable.Range(0, prediction.Rank).Where(axis => axis != 1).Select(axis => (long)axis)];
        var b = op.Sub(op.Softplus(prediction), op.Mul(prediction, targets.OneHot));
        var miss = op.Sub(op.Scalar(1, b), op.Exp(op.Neg(b)));
        var f = op.Mul(op.Mul(miss, miss), targets.Valid);
        var norm = op.Clip(op.ReduceSum(f, false, axes), 1e-6, null);
        var count = op.Clip(op.ReduceSum(targets.Valid, keepDims: false), 1, null);
        return op.Div(op.ReduceMean(op.Div(op.ReduceSum(op.Mul(f, b), false, axes), norm), keepDims: false), count);
    }
}
