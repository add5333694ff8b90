using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>In which unit the images of a data set are stored, and with which statistics they are standardised.</summary>
internal static class ValueLook
{
    private const double LargestDistance = 0.9;   // e^0.9 ≈ 2.5: means that differ by more are another unit, or another sensor
    private static readonly double[] Factors = [1, 1e-4, 1e4], Marks = [-9999, 9999, -32768, 65535];

    /// <summary>A value at the end of a band's range that marks missing pixels although the files do not declare it; null when there is none.</summary>
    public static double? UndeclaredNoData(IReadOnlyList<BandStatistics> bands) => Marks.Cast<double?>().FirstOrDefault(mark =>
        bands.Any(band => (band.Minimum == mark || band.Maximum == mark) && Math.Abs(mark!.Value - band.Mean) > 3 * band.StandardDeviation / Math.Sqrt(Math.Max(2, band.Count)) && Math.Abs(mark.Value) > 5 * Math.Max(1, Math.Abs(band.Mean)) / 2));

    /// <summary>The data with factor and statistics.</summary>
    /// <param name="data">The recipe's data.</param>
    /// <param name="found">Statistics of the stored values, a channel each, in the model's order.</param>
    /// <param name="type">Type of the stored values.</param>
    /// <param name="chips">Number of chips that they were taken of.</param>
    /// <param name="manifest">The model's; null without a model.</param>
    /// <param name="remarks">Receives why.</param>
    public static DataRecipe Choose(DataRecipe data, IReadOnlyList<BandStatistics> found, string type, int chips, ModelManifest? manifest, SortedDictionary<string, string> remarks)
    {
        var frames = manifest?.Frames ?? 1;
        var channels = manifest is null ? [] : manifest.Bands.SelectMany(band => Enumerable.Repeat(band, frames)).ToList();
        if (channels.Count == found.Count && channels.Exists(band => band.Mean != 0 || band.StandardDeviation != 1))
        {
            var (factor, distance) = Factors.Select(factor => (factor, Distance: Distance(found, channels, manifest!, factor))).MinBy(item => item.Distance);
            if (distance < LargestDistance)
            {
                remarks["data.constantScale"] = Told($"With this factor the values are in the unit of the model's statistics: the mean of {channels[0].Id} is {Model(found[0].Mean, manifest!, factor):G5}, the model's {channels[0].Mean:G5}.");
                remarks["data.statistics"] = "The model's own statistics fit the data; 'data' takes those of the training chips instead.";
                return data with { ConstantScale = factor, Statistics = StatisticsSource.Model };
            }

            remarks["data.means"] = Told($"Of {chips} training chips, after constantScale: the model's statistics do not fit them (mean of {channels[0].Id} {found[0].Mean:G5}, the model's {channels[0].Mean:G5}).");
        }

        var integers = type is "UInt16" or "Int16" or "UInt32" or "Int32" or "Int64" or "UInt64";
        var scale = integers && found.All(band => band.Mean is > 20 and < 12_000 && band.Maximum > 255) ? 1e-4 : 1;
        remarks["data.constantScale"] = scale == 1 ? Told($"Values are {type} from {found.Min(band => band.Minimum):G5} to {found.Max(band => band.Maximum):G5} and are taken as they are.")
            : Told($"A guess: whole numbers from {found.Min(band => band.Minimum):G5} to {found.Max(band => band.Maximum):G5} look like reflectance times 10,000.");
        remarks.TryAdd("data.means", Told($"Of {chips} training chips, after constantScale."));
        var groups = found.Index().GroupBy(band => band.Index / frames).Select(group => group.Select(band => band.Item).ToList()).ToList();
        return data with
        {
            ConstantScale = scale,
            Means = [.. groups.Select(group => Rounded(group.Average(band => band.Mean) * scale))],
            Deviations = [.. groups.Select(group => Rounded(Math.Sqrt(group.Average(band => band.StandardDeviation * band.StandardDeviation)) * scale)).Select((deviation, band) => deviation > 0 ? deviation
                : throw new TrainingDataException($"Band {band + 1} has the value {groups[band][0].Mean} in all chips looked at, so it cannot be standardised. Leave it out with data.bands."))],
        };
    }

    private static double Distance(IReadOnlyList<BandStatistics> found, List<ManifestBand> channels, ModelManifest manifest, double factor) => found.Zip(channels, (band, channel) =>
        channel.Mean > 0 && Model(band.Mean, manifest, factor) > 0 ? Math.Abs(Math.Log(Model(band.Mean, manifest, factor) / channel.Mean))
            : Math.Abs(Model(band.Mean, manifest, factor) - channel.Mean) / channel.StandardDeviation).Average();

    private static double Model(double stored, ModelManifest manifest, double factor) => (stored * factor * manifest.ValueScale) + manifest.ValueOffset;

    private static double Rounded(double value) => double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Told(FormattableString text) => FormattableString.Invariant(text);
}
