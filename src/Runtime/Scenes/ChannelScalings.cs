using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Decides how stored values become the unit of the model's statistics. Scale and offset are applied exactly once.</summary>
internal static class ChannelScalings
{
    /// <summary>The scaling of each mapped channel.</summary>
    /// <param name="bands">The mapped channels.</param>
    /// <param name="manifest">Statistics and their unit.</param>
    /// <param name="options">Scale and offset that the user states.</param>
    /// <exception cref="ArgumentException">The user states another number of values than one or one a channel.</exception>
    public static IReadOnlyList<ChannelScaling> Decide(IReadOnlyList<MappedBand> bands, ModelManifest manifest, SceneOptions options)
    {
        CheckCount("--scale", options.Scale, bands.Count);
        CheckCount("--offset", options.Offset, bands.Count);
        return [.. bands.Select((band, i) =>
        {
            // Frames follow each other, each with all bands; a model without statistics takes values as they are.
            var statistics = manifest.Bands.Count > 0 ? manifest.Bands[i % manifest.Bands.Count] : new ManifestBand("");
            var (scale, offset) = Decide(band, statistics, manifest);
            return new ChannelScaling((float)statistics.Mean, (float)statistics.StandardDeviation,
                (float)Chosen(options.Scale, i, scale), (float)Chosen(options.Offset, i, options.Scale.Count > 0 ? 0 : offset));
        })];
    }

    private static (double Scale, double Offset) Decide(MappedBand mapped, ManifestBand statistics, ModelManifest manifest)
    {
        var band = mapped.Source;
        if (mapped.IsReflectance)
        {
            // Statistics of reflectance lie below 2; above, they are of digital numbers, which all archives store as 10,000 times reflectance.
            const double digitalNumbers = 10_000, mostReflectance = 2;
            var unit = manifest is { ValueScale: 1, ValueOffset: 0 } && Math.Max(Math.Abs(statistics.Mean), statistics.StandardDeviation) > mostReflectance ? digitalNumbers : 1;
            return (band.Scale * unit, band.Offset * unit);
        }

        var declared = band.Scale != 1 || band.Offset != 0;
        if (manifest.ValueScale == 1 && manifest.ValueOffset == 0)
        {
            // Statistics of stored numbers: a declared offset (Sentinel-2 since baseline 04.00) is taken off in these numbers,
            // a declared scale is not applied.
            return (1, declared && band.Scale != 0 ? band.Offset / band.Scale : 0);
        }

        return declared ? (band.Scale, band.Offset) : (manifest.ValueScale, manifest.ValueOffset);
    }

    private static double Chosen(IReadOnlyList<double> stated, int channel, double otherwise) =>
        stated.Count == 0 ? otherwise : stated.Count == 1 ? stated[0] : stated[channel];

    private static void CheckCount(string option, IReadOnlyList<double> values, int channels)
    {
        if (values.Count > 1 && values.Count != channels)
        {
            throw new ArgumentException($"{option} has {values.Count} values; give one for all channels or {channels}, one each.");
        }
    }
}
