using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Data;

/// <summary>Counts classes, or mean and population deviation of measured targets, one a channel; one pass in double precision (Welford 1962).</summary>
internal sealed class TargetTally
{
    private readonly SampleTarget _target;
    private readonly long[] _count;
    private readonly double[] _mean;
    private readonly double[] _squares;

    public TargetTally(SampleTarget target)
    {
        // Pixels have one value each, whole chips one a channel.
        var channels = target.HasClasses ? 0 : target.Shape.Count == 1 ? target.Length : 1;
        (_target, _count, _mean, _squares) = (target, new long[channels], new double[channels], new double[channels]);
        Counts = new long[target.Classes];
    }

    /// <summary>Labels of each class; empty for measured targets.</summary>
    public long[] Counts { get; }

    /// <summary>Adds the target of a sample.</summary>
    /// <param name="classes">Class numbers, when the target has them.</param>
    /// <param name="values">Values, when it has those; NaN is not labelled.</param>
    public void Add(ReadOnlySpan<int> classes, ReadOnlySpan<float> values)
    {
        foreach (var label in classes)
        {
            if (label != _target.IgnoreIndex)
            {
                Counts[label]++;
            }
        }

        for (var i = 0; i < values.Length; i++)
        {
            var channel = i % _count.Length;
            if (float.IsFinite(values[i]))
            {
                var difference = values[i] - _mean[channel];
                _mean[channel] += difference / ++_count[channel];
                _squares[channel] += difference * (values[i] - _mean[channel]);
            }
        }
    }

    /// <summary>Mean and deviation of the measured targets.</summary>
    /// <exception cref="TrainingDataException">There are no labelled targets, or all are equal.</exception>
    public TargetScaling Scaling()
    {
        for (var channel = 0; channel < _count.Length; channel++)
        {
            if (_squares[channel] <= 0)
            {
                throw new TrainingDataException($"The training targets {(_count[channel] == 0 ? "hold no labelled value" : $"are all {_mean[channel]}")}{(_count.Length > 1 ? $" in column {channel + 1}" : "")}; they cannot be standardised, and nothing can be learned. Check labels and split.");
            }
        }

        return new TargetScaling(_mean, [.. _squares.Select((sum, channel) => Math.Sqrt(sum / _count[channel]))]);
    }
}
