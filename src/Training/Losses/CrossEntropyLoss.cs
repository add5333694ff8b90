using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>
/// −Σ w[y]·log softmax(z)[y] / Σ w[y] over the targets that are not ignored. When all are ignored the loss and its gradient are 0
/// (PyTorch gives NaN, which would end a run at the first unlabelled chip).
/// </summary>
internal sealed record CrossEntropyLoss : Loss
{
    public long? IgnoreIndex { get; init; }

    public IReadOnlyList<double>? ClassWeights { get; init; }

    public override ElementType TargetType => ElementType.Int64;

    public override TensorShape TargetShape(TensorShape prediction) => ClassTargets.Shape(prediction);

    internal override TargetWeights MeanOver => new() { IgnoredClass = IgnoreIndex, ClassWeights = ClassWeights };

    internal override Value Build(GraphBuilder op, Value prediction, Value target)
    {
        var targets = ClassTargets.Of(op, prediction, target, IgnoreIndex);
        var weights = targets.Valid;
        if (ClassWeights is not null)
        {
            if (ClassWeights.Count != targets.Classes)
            {
                throw new TrainingException($"{ClassWeights.Count} class weights were given; the prediction {prediction} has {targets.Classes} classes. Give one weight a class.");
            }

            var table = op.Constant(ClassTargets.Vector(ClassWeights, prediction.Type));
            weights = op.Mul(op.Unsqueeze(op.Gather(table, targets.Numbers), 1), weights);
        }

        var likelihood = op.ReduceSum(op.Mul(op.Mul(targets.OneHot, weights), LogProbabilities.Of(op, prediction)), keepDims: false);
        var total = op.ReduceSum(weights, keepDims: false);
        return op.Neg(op.Div(likelihood, op.Where(op.Equal(total, op.Scalar(0, total)), op.Scalar(1, total), total)));
    }
}
