using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>
/// 1 − overlap of each class over batch and pixels together, mean over all classes; a class that is absent from the targets counts as 0.
/// With q = softmax(z)·valid, t = onehot(y)·valid and I = (Σq + Σt − Σ|q − t|) / 2 the overlap is
/// I / max(I + w(Σq − I) + w(Σt − I), 1e-7): w = ½ is Dice, w = 1 is Jaccard.
/// </summary>
/// <remarks>As segmentation_models_pytorch 0.6, its reductions and its gradient at kinks included.</remarks>
internal sealed record OverlapLoss : Loss
{
    public required double Weight { get; init; }

    public long? IgnoreIndex { get; init; }

    public override ElementType TargetType => ElementType.Int64;

    public override TensorShape TargetShape(TensorShape prediction) => ClassTargets.Shape(prediction);

    internal override Value Build(GraphBuilder op, Value prediction, Value target)
    {
        var targets = ClassTargets.Of(op, prediction, target, IgnoreIndex);
        long[] axes = [.. Enumerable.Range(0, prediction.Rank).Where(axis => axis != 1).Select(axis => (long)axis)];
        var p = op.Mul(op.Softmax(prediction, 1), targets.Valid);
        var t = op.Mul(targets.OneHot, targets.Valid);
        var (sumP, sumT) = (op.ReduceSum(p, false, axes), op.ReduceSum(t, false, axes));
        var overlap = op.Mul(op.Sub(op.Add(sumP, sumT), op.ReduceSum(op.Abs(op.Sub(p, t)), false, axes)), 0.5);
        var rest = op.Mul(op.Add(op.Sub(sumP, overlap), op.Sub(sumT, overlap)), Weight);
        var score = op.Div(overlap, op.Clip(op.Add(overlap, rest), 1e-7, null));
        var present = op.Cast(op.Greater(sumT, op.Scalar(0, sumT)), prediction.Type);
        return op.ReduceMean(op.Mul(op.Sub(op.Scalar(1, score), score), present), keepDims: false);
    }
}
