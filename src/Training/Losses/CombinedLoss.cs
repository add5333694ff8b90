using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>Σ wᵢ · lossᵢ, not normalised.</summary>
internal sealed record CombinedLoss : Loss
{
    public required IReadOnlyList<(double Weight, Loss Loss)> Parts { get; init; }

    public override ElementType TargetType => Parts[0].Loss.TargetType;

    public override TensorShape TargetShape(TensorShape prediction) => Parts[0].Loss.TargetShape(prediction);

    internal override TargetWeights? MeanOver => Parts.All(part => part.Loss.MeanOver is { } weights && weights == Parts[0].Loss.MeanOver) ? Parts[0].Loss.MeanOver : null;

    internal override Value Build(GraphBuilder op, Value prediction, Value target) => Parts
        .Select(part => part.Weight == 1 ? part.Loss.Build(op, prediction, target) : op.Mul(part.Loss.Build(op, prediction, target), part.Weight))
        .Aggregate(op.Add);
}
