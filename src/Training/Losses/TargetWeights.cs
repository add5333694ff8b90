
namespace EoOnnx.Training.Losses;

/// <summary>
/// What a loss that is a weighted mean over targets divides by. A batch may then go through in parts: its loss is Σ share · loss of the part, with
/// share = weight of the part / weight of the batch.
/// </summary>
internal sealed record TargetWeights
{
    /// <summary>Class number that has no weight; null when all have one.</summary>
    public long? IgnoredClass { get; init; }

    /// <summary>One weight a class, null for equal weights.</summary>
    public IReadOnlyList<double>? ClassWeights { get; init; }

    /// <summary>Measured value that has no weight; null when there is none.</summary>
    public double? IgnoredValue { get; init; }

    /// <summary>True when values that are not a number have no weight.</summary>
    public bool SkipsMissing { get; init; }

    /// <summary>Weight of class numbers.</summary>
    public double Of(ReadOnlySpan<int> classes)
    {
        var sum = 0.0;
        foreach (var number in classes)
        {
            sum += number == IgnoredClass ? 0 : ClassWeights?[number] ?? 1;
        }

        return sum;
    }

    /// <summary>Weight of measured values.</summary>
    public double Of(ReadOnlySpan<float> values)
    {
        var count = 0L;
        foreach (var value in values)
        {
            count += (SkipsMissing && float.IsNaN(value)) || (IgnoredValue is { } ignored && value == (float)ignored) ? 0 : 1;
        }

        return count;
    }
}
