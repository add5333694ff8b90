using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>Mean and standard deviation of the training targets, one a channel of the prediction.</summary>
/// <param name="Mean">Means, in the unit of the targets.</param>
/// <param name="Deviation">Standard deviations, positive.</param>
public sealed record TargetScaling(IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    /// <summary>Standard deviations.</summary>
    public IReadOnlyList<double> Deviation { get; init; } = Deviation.Count == Mean.Count && Deviation.All(value => value > 0 && double.IsFinite(value)) ? Deviation
        : throw new ArgumentOutOfRangeException(nameof(Deviation), string.Join(", ", Deviation), $"Give a positive standard deviation for each of the {Mean.Count} means.");

    /// <summary>x · deviation + mean along axis 1: a standardised prediction in the unit of the targets.</summary>
    internal Value Restore(GraphBuilder op, Value x) => op.Add(op.Mul(x, Channels(op, Deviation, x)), Channels(op, Mean, x));

    internal Value Standardize(GraphBuilder op, Value x) => op.Div(op.Sub(x, Channels(op, Mean, x)), Channels(op, Deviation, x));

    private static Value Channels(GraphBuilder op, IReadOnlyList<double> numbers, Value x) =>
        op.Constant(TensorData.FromValues<float>([1, numbers.Count, .. Enumerable.Repeat(1L, x.Rank - 2)], [.. numbers.Select(number => (float)number)]));
}
