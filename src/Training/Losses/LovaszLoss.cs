using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Losses;

/// <summary>
/// Lovász-softmax (Berman et al. 2018) over the valid pixels of the whole batch: for each class that occurs, errors e = |1[y = c] − p_c| in
/// descending order, g the targets in that order, J_k = 1 − (G − Σg) / (G + Σ(1 − g)), loss Σ e_k (J_k − J_{k−1}); mean over the classes
/// that occur, 0 when there are none.
/// </summary>
/// <remarks>An ignored pixel has the error 0 and counts as neither class nor background, so wherever it is sorted it changes nothing.</remarks>
internal sealed record LovaszLoss : Loss
{
    public long? IgnoreIndex { get; init; }

    public override ElementType TargetType => ElementType.Int64;

    public override TensorShape TargetShape(TensorShape prediction) => ClassTargets.Shape(prediction);

    internal override Value Build(GraphBuilder op, Value prediction, Value target)
    {
        var targets = ClassTargets.Of(op, prediction, target, IgnoreIndex);
        Value ByClass(Value x) => op.Reshape(op.Transpose(x, [1, 0, .. Enumerable.Range(2, prediction.Rank - 2).Select(axis => (long)axis)]), targets.Classes, -1);
        var member = ByClass(op.Mul(targets.OneHot, targets.Valid));
        var valid = op.Reshape(targets.Valid, 1, -1);
        var error = op.Mul(op.Abs(op.Sub(member, ByClass(op.Softmax(prediction, 1)))), valid);
        var (errors, order) = op.TopK(error, op.Slice(op.Shape(error), 0, 1, 2), 1);
        var members = op.GatherElements(member, order, 1);
        var others = op.Sub(op.GatherElements(op.Add(valid, op.Mul(member, 0)), order, 1), members);
        var total = op.ReduceSum(member, true, 1);
        var left = op.Sub(total, op.CumSum(members, 1));
        var union = op.Clip(op.Add(total, op.CumSum(others, 1)), 1, null);
        var jaccard = op.Sub(op.Scalar(1, union), op.Div(left, union));
        var steps = StopGradient.Of(op, op.Sub(jaccard, op.Pad(op.Slice(jaccard, 1, 0, -1), [0, 1, 0, 0])));
        var present = op.Cast(op.Greater(total, op.Scalar(0, total)), prediction.Type);
        var losses = op.Mul(op.ReduceSum(op.Mul(errors, steps), true, 1), present);
        return op.Div(op.ReduceSum(losses, keepDims: false), op.Clip(op.ReduceSum(present, keepDims: false), 1, null));
    }
}
