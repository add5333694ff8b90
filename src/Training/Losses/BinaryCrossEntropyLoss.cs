using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>log(1 + eᶻ) − z·t for targets 0 and 1, mean over all elements; balanced, the mean over elements with t = 0 plus the mean over
/// those with t = 1 (an empty set counts as 0; GeoBench gives NaN).</summary>
internal sealed record BinaryCrossEntropyLoss : Loss
{
    public bool Balanced { get; init; }

    public override ElementType TargetType => ElementType.Float;

    public override TensorShape TargetShape(TensorShape prediction) => prediction;

    internal override TargetWeights? MeanOver => Balanced ? null : new();

    internal override Value Build(GraphBuilder op, Value prediction, Value target)
    {
        var loss = op.Sub(op.Softplus(prediction), op.Mul(prediction, target));
        if (!Balanced)
        {
            return op.ReduceMean(loss, keepDims: false);
        }

        return op.Add(MeanWhere(0), MeanWhere(1));

        Value MeanWhere(double label)
        {
            var chosen = op.Cast(op.Equal(target, op.Scalar(label, target)), prediction.Type);
            return op.Div(op.ReduceSum(op.Mul(loss, chosen), keepDims: false), op.Clip(op.ReduceSum(chosen, keepDims: false), 1, null));
        }
    }
}
