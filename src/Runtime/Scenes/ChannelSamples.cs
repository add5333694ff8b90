using System.Numerics.Tensors;

namespace EoOnnx.Runtime;

/// <summary>Mean and deviation of each channel over a sample of valid pixels.</summary>
internal sealed class ChannelSamples(int channels)
{
    private readonly double[] _sums = new double[channels];
    private readonly double[] _squares = new double[channels];
    private readonly long[] _counts = new long[channels];

    /// <summary>Mean and standard deviation of each channel; NaN without a valid pixel.</summary>
    public IReadOnlyList<(double Mean, double StandardDeviation)> Moments => [.. Enumerable.Range(0, channels).Select(Of)];

    /// <summary>Adds pixels of a channel.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="values">The pixels; a few hundred, which single precision sums well enough.</param>
    /// <param name="valid">One a pixel; 0 does not count.</param>
    public void Add(int channel, ReadOnlySpan<float> values, ReadOnlySpan<byte> valid)
    {
        if (!valid.Contains((byte)0))
        {
            (_sums[channel], _squares[channel], _counts[channel]) =
                (_sums[channel] + TensorPrimitives.Sum(values), _squares[channel] + TensorPrimitives.SumOfSquares(values), _counts[channel] + values.Length);
            return;
        }

        var (sum, squares, count) = (0.0, 0.0, 0L);
        for (var i = 0; i < values.Length; i++)
        {
            if (valid[i] != 0)
            {
                sum += values[i];
                squares += (double)values[i] * values[i];
                count++;
            }
        }

        (_sums[channel], _squares[channel], _counts[channel]) = (_sums[channel] + sum, _squares[channel] + squares, _counts[channel] + count);
    }

    private (double Mean, double StandardDeviation) Of(int channel)
    {
        var (mean, count) = (_sums[channel] / _counts[channel], _counts[channel]);
        return count == 0 ? (double.NaN, double.NaN) : (mean, Math.Sqrt(Math.Max(0, (_squares[channel] / count) - (mean * mean))));
    }
}
