namespace EoOnnx.Training.Data;

/// <summary>Statistics of one band.</summary>
/// <param name="Count">Valid pixels.</param>
/// <param name="Missing">Pixels without data.</param>
/// <param name="Mean">Mean of the valid pixels.</param>
/// <param name="StandardDeviation">Population standard deviation.</param>
/// <param name="Minimum">Smallest value.</param>
/// <param name="Maximum">Largest value.</param>
public sealed record BandStatistics(long Count, long Missing, double Mean, double StandardDeviation, double Minimum, double Maximum)
{
    /// <summary>Statistics of every band of some chips, read once in bounded windows and combined in double precision (Chan, Golub, LeVeque 1979).</summary>
    /// <param name="source">Where the chips are.</param>
    /// <param name="chips">Which chips; null means all.</param>
    /// <param name="progress">Told the number of chips done.</param>
    /// <param name="cancellation">Stops between windows.</param>
    public static IReadOnlyList<BandStatistics> Of(ChipSource source, IReadOnlyList<int>? chips = null, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        const int side = 512;
        var bands = Enumerable.Range(0, source.Bands).Select(_ => new Accumulator()).ToArray();
        var image = new float[side * side * source.Bands];
        var labels = new float[side * side];
        var all = chips ?? [.. Enumerable.Range(0, source.Chips.Count)];
        for (var done = 0; done < all.Count; done++)
        {
            foreach (var tile in SampleIndex.Tiles(source, [all[done]], side))
            {
                cancellation.ThrowIfCancellationRequested();
                var area = (int)tile.Counted.Area;
                source.Read(tile.Chip, tile.Counted, image.AsSpan(0, area * source.Bands), labels.AsSpan(0, area));
                for (var band = 0; band < bands.Length; band++)
                {
                    bands[band].Add(image.AsSpan(band * area, area));
                }
            }

            progress?.Report(done + 1);
        }

        return [.. bands.Select(band => band.ToStatistics())];
    }

    private sealed class Accumulator
    {
        private long _count;
        private long _missing;
        private double _mean;
        private double _squares;
        private double _minimum = double.PositiveInfinity;
        private double _maximum = double.NegativeInfinity;

        public void Add(ReadOnlySpan<float> values)
        {
            var (count, sum) = (0L, 0.0);
            foreach (var value in values)
            {
                if (float.IsFinite(value))
                {
                    count++;
                    sum += value;
                    (_minimum, _maximum) = (Math.Min(_minimum, value), Math.Max(_maximum, value));
                }
            }

            _missing += values.Length - count;
            if (count == 0)
            {
                return;
            }

            var (mean, squares) = (sum / count, 0.0);
            foreach (var value in values)
            {
                squares += float.IsFinite(value) ? (value - mean) * (value - mean) : 0;
            }

            var difference = mean - _mean;
            var together = _count + count;
            _squares += squares + difference * difference * ((double)_count * count / together);
            _mean += difference * count / together;
            _count = together;
        }

        public BandStatistics ToStatistics() => _count == 0
            ? new BandStatistics(0, _missing, double.NaN, double.NaN, double.NaN, double.NaN)
            : new BandStatistics(_count, _missing, _mean, Math.Sqrt(_squares / _count), _minimum, _maximum);
    }
}
