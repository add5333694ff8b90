namespace EoOnnx.Training.Metrics;

/// <summary>
/// Counts of (true class, predicted class) over all labelled pixels of an epoch. Counts are 64-bit, so that no scene overflows them.
/// Not safe for concurrent writers: keep one per worker and <see cref="Merge"/> them.
/// </summary>
public sealed class ConfusionMatrix
{
    private readonly long[] _counts;

    /// <summary>An empty matrix.</summary>
    /// <param name="classes">Number of classes C; labels and predictions are 0 … C − 1.</param>
    /// <param name="ignoreIndex">Pixels with this true label are not counted; null counts all.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 class, or more than 4096.</exception>
    public ConfusionMatrix(int classes, int? ignoreIndex = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classes, 4096);
        Classes = classes;
        IgnoreIndex = ignoreIndex;
        _counts = new long[classes * classes];
    }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>The true label that is left out, if any.</summary>
    public int? IgnoreIndex { get; }

    /// <summary>Counted pixels.</summary>
    public long Total => _counts.Sum();

    /// <summary>Pixels of true class <paramref name="target"/> that were predicted as <paramref name="predicted"/>.</summary>
    public long this[int target, int predicted] => _counts[target * Classes + predicted];

    /// <summary>Counts pixels.</summary>
    /// <param name="predicted">Predicted classes, 0 … C − 1.</param>
    /// <param name="target">True labels in the same order; 0 … C − 1 or the ignored value.</param>
    /// <exception cref="TrainingDataException">A label or a prediction is not a class; the message names the value.</exception>
    public void Add(ReadOnlySpan<int> predicted, ReadOnlySpan<int> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(predicted.Length, target.Length);
        for (var i = 0; i < target.Length; i++)
        {
            var (truth, guess) = (target[i], predicted[i]);
            if (truth == IgnoreIndex)
            {
                continue;
            }

            if ((uint)truth >= (uint)Classes || (uint)guess >= (uint)Classes)
            {
                throw new TrainingDataException(
                    $"Pixel {i} has the true label {truth} and the predicted class {guess}; expected classes 0 to {Classes - 1}" +
                    (IgnoreIndex is { } ignored ? $" or the ignored label {ignored}. " : ". ") + "Map other labels to classes, or set the ignored label.");
            }

            _counts[truth * Classes + guess]++;
        }
    }

    /// <summary>Adds the counts of another matrix of the same classes.</summary>
    public void Merge(ConfusionMatrix other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.Classes, Classes);
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }
    }

    /// <summary>The rows (true classes) as arrays of predicted counts, for reports.</summary>
    public long[][] ToRows() => [.. Enumerable.Range(0, Classes).Select(row => _counts[(row * Classes)..((row + 1) * Classes)])];

    /// <summary>A matrix from the rows of <see cref="ToRows"/>.</summary>
    public static ConfusionMatrix FromRows(long[][] rows, int? ignoreIndex = null)
    {
        var matrix = new ConfusionMatrix(rows.Length, ignoreIndex);
        for (var row = 0; row < rows.Length; row++)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(rows[row].Length, rows.Length);
            rows[row].CopyTo(matrix._counts, row * rows.Length);
        }

        return matrix;
    }

    /// <summary>The metrics of the counted pixels.</summary>
    public SegmentationMetrics Metrics()
    {
        var (truePositives, falsePositives, falseNegatives) = (new long[Classes], new long[Classes], new long[Classes]);
        for (var row = 0; row < Classes; row++)
        {
            for (var column = 0; column < Classes; column++)
            {
                var count = this[row, column];
                if (row == column)
                {
                    truePositives[row] = count;
                }
                else
                {
                    falseNegatives[row] += count;
                    falsePositives[column] += count;
                }
            }
        }

        return new SegmentationMetrics(truePositives, falsePositives, falseNegatives, IgnoreIndex);
    }
}
