using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>Measures of a difference d between prediction and target.</summary>
internal enum RegressionMeasure
{
    /// <summary>d².</summary>
    Squared,

    /// <summary>The root of the mean of d².</summary>
    RootMeanSquare,

    /// <summary>The fourth root of the mean of d²: what TerraTorch 1.2.11 computes under the name rmse.</summary>
    FourthRootMeanSquare,

    /// <summary>|d|.</summary>
    Absolute,

    /// <summary>½d² up to |d| = 1, |d| − ½ beyond.</summary>
    Huber,
}

/// <summary>A mean over the targets that are numbers and not the ignored value; 0 when there are none.</summary>
/// <remarks>The denominator is Σ valid + 1.1920929e-7 when a value is ignored, as in TerraTorch, else the plain count.</remarks>
internal sealed record RegressionLoss : Loss
{
    private const double Epsilon = 1.1920929e-7;

    public required RegressionMeasure Measure { get; init; }

    public double? Ignored { get; init; }

    public override ElementType TargetType => ElementType.Float;

    public override TensorShape TargetShape(TensorShape prediction) => prediction;

    internal override TargetWeights? MeanOver => Measure is RegressionMeasure.RootMeanSquare or RegressionMeasure.FourthRootMeanSquare ? null : new() { IgnoredValue = Ignored, SkipsMissing = true };

    internal override Value Build(GraphBuilder op, Value prediction, Value target)
    {
        var valid = op.Not(op.IsNaN(target));
        if (Ignored is { } ignored)
        {
            valid = op.And(valid, op.Not(op.Equal(target, op.Scalar(ignored, target))));
        }

        var d = op.Where(valid, op.Sub(prediction, target), op.Scalar(0, prediction));
        var count = op.ReduceSum(op.Cast(valid, prediction.Type), keepDims: false);
        var mean = op.Div(op.ReduceSum(Element(op, d), keepDims: false), Ignored is null ? op.Clip(count, 1, null) : op.Add(count, Epsilon));
        return Measure switch
        {
            RegressionMeasure.RootMeanSquare => Root(op, mean),
            RegressionMeasure.FourthRootMeanSquare => Root(op, Root(op, mean)),
            _ => mean,
        };
    }

    private Value Element(GraphBuilder op, Value d)
    {
        switch (Measure)
        {
            case RegressionMeasure.Absolute:
                return op.Abs(d);
            case RegressionMeasure.Huber:
                var size = op.Abs(d);
                return op.Where(op.LessOrEqual(size, op.Scalar(1, d)), op.Mul(op.Mul(d, d), 0.5), op.Sub(size, op.Scalar(0.5, d)));
            default:
                return op.Mul(d, d);
        }
    }

    // The gradient of a root is infinite at 0; below the bound it is 0.
    private static Value Root(GraphBuilder op, Value x) => op.Sqrt(op.Clip(x, 1e-24, null));
}
