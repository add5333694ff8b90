using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>A loss of (prediction − mean) / deviation against (target − mean) / deviation, one mean and deviation a channel: values of any unit weigh alike.</summary>
internal sealed record StandardizedLoss : Loss
{
    public required Loss Inner { get; init; }

    public required TargetScaling Scaling { get; init; }

    public override ElementType TargetType => ElementType.Float;

    public override TensorShape TargetShape(TensorShape prediction) => Inner.TargetShape(prediction);

    internal override TargetWeights? MeanOver => Inner.MeanOver is { IgnoredValue: null } weights ? weights : null;

    internal override Value Build(GraphBuilder op, Value prediction, Value target) =>
        Inner.Build(op, Scaling.Standardize(op, prediction), Scaling.Standardize(op, target));
}
