using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>How often a label value occurs.</summary>
/// <param name="Value">The stored value.</param>
/// <param name="Pixels">Number of pixels.</param>
/// <param name="Share">Share of all labelled pixels.</param>
public sealed record LabelCount(double Value, long Pixels, double Share);

/// <summary>What a labelled data set holds: the numbers from which a recipe is made.</summary>
/// <param name="Chips">Number of chips.</param>
/// <param name="BandNames">Names of the bands where the files tell them, else <c>band n</c>.</param>
/// <param name="Bands">Statistics of each band, of stored values.</param>
/// <param name="Labels">Pixels of each label value in ascending order; empty when there are more than 256 values, as for a regression.</param>
/// <param name="MissingLabels">Pixels without a label.</param>
public sealed record DatasetStatistics(
    int Chips, IReadOnlyList<string> BandNames, IReadOnlyList<BandStatistics> Bands, IReadOnlyList<LabelCount> Labels, long MissingLabels)
{
    private const int MostLabels = 256;

    /// <summary>Reads all images once and all labels twice, in bounded windows.</summary>
    /// <param name="source">Where the chips are.</param>
    /// <param name="progress">Told the number of chips done.</param>
    /// <param name="cancellation">Stops between windows.</param>
    /// <exception cref="RasterException">A chip cannot be read.</exception>
    public static DatasetStatistics Of(RasterChipSource source, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        var bands = BandStatistics.Of(source, null, progress, cancellation);
        var (counts, missing) = CountLabels(source, cancellation);
        var total = Math.Max(1, counts?.Values.Sum() ?? 1);
        return new DatasetStatistics(source.Chips.Count, Names(source), bands, [.. (counts ?? []).Select(count => new LabelCount(count.Key, count.Value, (double)count.Value / total))], missing);
    }

    // Null when there are more values than classes can be.
    private static (SortedDictionary<double, long>? Counts, long Missing) CountLabels(RasterChipSource source, CancellationToken cancellation)
    {
        const int side = 512;
        var counts = new SortedDictionary<double, long>();
        var missing = 0L;
        var labels = new float[side * side];
        foreach (var tile in SampleIndex.Tiles(source, Enumerable.Range(0, source.Chips.Count), side))
        {
            cancellation.ThrowIfCancellationRequested();
            var area = (int)tile.Counted.Area;
            source.ReadLabels(tile.Chip, tile.Counted, labels.AsSpan(0, area));
            foreach (var label in labels.AsSpan(0, area))
            {
                if (float.IsNaN(label))
                {
                    missing++;
                }
                else
                {
                    counts[label] = counts.GetValueOrDefault(label) + 1;
                }
            }

            if (counts.Count > MostLabels)
            {
                return (null, missing);
            }
        }

        return (counts, missing);
    }

    private static List<string> Names(RasterChipSource source)
    {
        using var first = ChipRaster.Open(source.Files[0].Image);
        return [.. source.FileBands.Select(band => first.BandNames.ElementAtOrDefault(band - 1) is { Length: > 0 } name ? name : $"band {band}")];
    }
}
