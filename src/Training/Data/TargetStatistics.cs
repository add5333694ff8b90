using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Data;

/// <summary>Statistics of measured targets.</summary>
internal static class TargetStatistics
{
    /// <summary>Mean and population standard deviation of the labelled targets, one a channel; one pass in double precision (Welford 1962).</summary>
    /// <exception cref="TrainingDataException">There are no labelled targets, or all are equal.</exception>
    public static TargetScaling Of(SampleSet samples, CancellationToken cancellation)
    {
        // Pixels have one value each, whole chips one a channel.
        var channels = samples.Target.Shape.Count == 1 ? samples.Target.Length : 1;
        var (count, mean, squares) = (new long[channels], new double[channels], new double[channels]);
        var values = new float[samples.Target.Length];
        for (var sample = 0; sample < samples.Count; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            samples.ReadTarget(sample, default, values);
            for (var i = 0; i < values.Length; i++)
            {
                var channel = i % channels;
                if (float.IsFinite(values[i]))
                {
                    var difference = values[i] - mean[channel];
                    mean[channel] += difference / ++count[channel];
                    squares[channel] += difference * (values[i] - mean[channel]);
                }
            }
        }

        for (var channel = 0; channel < channels; channel++)
        {
            if (squares[channel] <= 0)
            {
                throw new TrainingDataException($"The training targets {(count[channel] == 0 ? "hold no labelled value" : $"are all {mean[channel]}")}{(channels > 1 ? $" in column {channel + 1}" : "")}; they cannot be standardised, and nothing can be learned. Check labels and split.");
            }
        }

        return new TargetScaling(mean, [.. squares.Select((sum, channel) => Math.Sqrt(sum / count[channel]))]);
    }
}
