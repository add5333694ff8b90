using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What to do when a scene does not look like the data that the model was trained on.</summary>
public enum InputCheck
{
    /// <summary>Say so before the run and in the report.</summary>
    Warn,

    /// <summary>Do not run.</summary>
    Fail,

    /// <summary>Do not look.</summary>
    Off,
}

/// <summary>
/// Compares a sample of the scene with the statistics of the manifest before the run and names the likely cause of a difference with
/// the option that mends it: values that mark missing pixels, a missing factor, the offset of newer Sentinel-2 products, bands in another order.
/// </summary>
internal static class InputGuard
{
    private const double FarFactor = 20, UsualFactor = 3, LeastShare = 0.01, BaselineOffset = 1000, DarkestShare = 0.01;

    // Factors and addends that products use: reflectance times 10,000 (with and without the offset of Sentinel-2), 8 bits, per mille, Landsat Collection 2.
    private static readonly (double Scale, double Offset)[] KnownScalings =
        [(1e-4, 0), (1e-4, -0.1), (1e4, 0), (1.0 / 255, 0), (255, 0), (1e-3, 0), (1e3, 0), (2.75e-5, -0.2), (0.275, -2000)];

    /// <summary>The findings, most basic first; empty when the scene looks as expected or the model has no statistics.</summary>
    /// <exception cref="RasterException">The sample cannot be read.</exception>
    public static IReadOnlyList<string> Examine(SceneJob job, CancellationToken cancellation)
    {
        var statistics = job.Model.Manifest.Bands;
        if (statistics.Count == 0 || statistics.All(band => band.Mean == 0 && band.StandardDeviation == statistics[0].StandardDeviation)) // a factor at most, no statistics
        {
            return [];
        }

        var sample = SceneSample.Read(job, cancellation);
        var findings = new List<string>();
        if (MissingAsData(job, sample) is { } missing)
        {
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"{missing.Share:P0} of the pixels of {job.Scene.Name} hold {missing.Value} in all bands and count as data; if that marks missing pixels, say so with --nodata {missing.Value}."));
            sample = sample.Without(missing.Value);
        }

        if (sample.Count == 0)
        {
            return findings;
        }

        if (WrongScaling(job, sample) is { } scaling)
        {
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"The values of {job.Scene.Name} are {scaling.Ratio:G2} times what the model expects. {(scaling.Known is { } known ? $"They fit with --scale {known.Scale:G6}{(known.Offset != 0 ? $" --offset {known.Offset:G6}" : "")}." : "State their unit with --scale and --offset.")}"));
            return findings; // nothing else can be told before
        }

        if (HasBaselineOffset(job, sample))
        {
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"No band of {job.Scene.Name} has values below about {BaselineOffset}: they seem to hold the offset that Sentinel-2 products have since baseline 04.00. Take it off with --offset {-BaselineOffset * job.Scalings[0].Scale:G6}."));
        }
        else if (BetterOrder(job, sample) is { } order)
        {
            findings.Add($"The bands of {job.Scene.Name} fit the model better in another order: --bands {string.Join(',', order)} instead of {string.Join(',', job.Bands.Select(band => band.Source.Index))}.");
        }

        return findings;
    }

    // A value in all bands at once that lies outside of the data and far from what the model knows.
    private static (double Value, double Share)? MissingAsData(SceneJob job, SceneSample sample)
    {
        var counts = new Dictionary<float, int>();
        for (var i = 0; i < sample.Count; i++)
        {
            var value = sample.Values[0][i];
            if (value is <= 0 or ushort.MaxValue && sample.Values.All(channel => channel[i] == value))
            {
                counts[value] = counts.GetValueOrDefault(value) + 1;
            }
        }

        var (most, count) = counts.Count == 0 ? default : counts.MaxBy(item => item.Value);
        return count < LeastShare * sample.Count || count == 0 || job.Scalings.All(scaling => Math.Abs(Standardised(scaling, most)) < 1) ? null : (most, (double)count / sample.Count);
    }

    private static (double Ratio, (double Scale, double Offset)? Known)? WrongScaling(SceneJob job, SceneSample sample)
    {
        var ratios = job.Scalings.Select((scaling, c) => ((sample.Means[c] * scaling.Scale) + scaling.Offset) / scaling.Mean).Where(ratio => ratio > 0 && double.IsFinite(ratio)).Order().ToList();
        if (ratios.Count <= job.Scalings.Count / 2)
        {
            return null; // statistics around zero, such as decibels, have no factor
        }

        var ratio = ratios[ratios.Count / 2];
        if (ratio is > 1 / FarFactor and < FarFactor)
        {
            return null;
        }

        var best = KnownScalings.MinBy(known => Distance(job.Scalings.Select(scaling => scaling with { Scale = (float)known.Scale, Offset = (float)known.Offset }), sample.Means));
        var fit = job.Scalings.Select((scaling, c) => ((sample.Means[c] * best.Scale) + best.Offset) / scaling.Mean).Order().ElementAt(job.Scalings.Count / 2);
        return (ratio, fit is > 1 / UsualFactor and < UsualFactor ? best : null);
    }

    private static bool HasBaselineOffset(SceneJob job, SceneSample sample) =>
        job.Bands.All(band => band.Source.Type is RasterType.UInt16 or RasterType.Int16)
        && sample.Values.All(channel => Darkest(channel) >= BaselineOffset * 0.95)
        && Distance(job.Scalings.Select(scaling => scaling with { Offset = scaling.Offset - (float)(BaselineOffset * scaling.Scale) }), sample.Means) < Distance(job.Scalings, sample.Means);

    // Exchanges pairs of bands as long as the means come closer; a name is believed.
    private static int[]? BetterOrder(SceneJob job, SceneSample sample)
    {
        if (job.Model.Frames > 1 || job.Bands.Count < 2 || job.Bands.All(band => band.MatchedBy == "name"))
        {
            return null;
        }

        var order = Enumerable.Range(0, job.Bands.Count).ToArray();
        for (var improved = true; improved;)
        {
            improved = false;
            for (var i = 0; i < order.Length; i++)
            {
                for (var j = i + 1; j < order.Length; j++)
                {
                    var (now, then) = (Square(i, order[i]) + Square(j, order[j]), Square(i, order[j]) + Square(j, order[i]));
                    if (then < now - 1e-9)
                    {
                        (order[i], order[j], improved) = (order[j], order[i], true);
                    }
                }
            }
        }

        var (given, best) = (Enumerable.Range(0, order.Length).Average(c => Square(c, c)), Enumerable.Range(0, order.Length).Average(c => Square(c, order[c])));
        return given > (4 * best) + 0.5 ? [.. order.Select(c => job.Bands[c].Source.Index)] : null;

        double Square(int channel, int band) => Math.Pow(Standardised(job.Scalings[channel], sample.Means[band]), 2);
    }

    private static double Distance(IEnumerable<ChannelScaling> scalings, IReadOnlyList<double> means) => scalings.Select((scaling, c) => Math.Pow(Standardised(scaling, means[c]), 2)).Average();

    private static double Standardised(ChannelScaling scaling, double value) => ((value * scaling.Scale) + scaling.Offset - scaling.Mean) / scaling.Deviation;

    private static float Darkest(List<float> channel) => channel.Order().ElementAt((int)(DarkestShare * channel.Count));
}
