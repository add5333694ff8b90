using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Reports;

/// <summary>A held-out sample as a picture: the image and, for maps, truth and prediction beside it.</summary>
internal static class SamplePicture
{
    private const int Gap = 4, SmallestEdge = 192;
    private const byte Missing = 160;
    private static readonly byte[][] RampColors = [[68, 1, 84], [49, 104, 142], [53, 183, 121], [253, 231, 37]];
    private static readonly string[] Palette = ["#464646", "#d55e00", "#009e73", "#0072b2", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442"];

    /// <summary>The picture as a PNG file: classes in their colours, values from dark to bright on one scale.</summary>
    public static byte[] Png(ReviewedSample sample, ModelTask task, ModelManifest? manifest)
    {
        var (height, width) = (sample.Shape[^2], sample.Shape[^1]);
        var panels = new List<Func<int, int, byte>> { Composite(sample, manifest) };
        if (sample.IsMap)
        {
            var known = sample.Truth.Concat(sample.Predicted).Where(float.IsFinite).DefaultIfEmpty(0).ToList();
            var (low, high) = (known.Min(), known.Max());
            Func<float, int, byte> color = task.IsMeasured() ? (value, channel) => Ramp(value, low, high, channel) : (value, channel) => Color(manifest, (int)value, channel);
            panels.Add((channel, pixel) => color(sample.Truth[pixel], channel));
            panels.Add((channel, pixel) => color(sample.Predicted[pixel], channel));
        }

        var zoom = Math.Max(1, (SmallestEdge + width - 1) / width);
        var size = new PixelSize((panels.Count * width * zoom) + ((panels.Count - 1) * Gap), height * zoom);
        var pixels = new byte[3 * size.Width * size.Height];
        pixels.AsSpan().Fill(byte.MaxValue);
        foreach (var (index, panel) in panels.Index())
        {
            for (var i = 0; i < width * zoom * height * zoom; i++)
            {
                var (x, y) = (i % (width * zoom), i / (width * zoom));
                for (var channel = 0; channel < 3; channel++)
                {
                    pixels[(((channel * size.Height) + y) * size.Width) + (index * ((width * zoom) + Gap)) + x] = panel(channel, (y / zoom * width) + (x / zoom));
                }
            }
        }

        return PngWriter.ToBytes(size, pixels);
    }

    /// <summary>Red, green and blue where the bands are known, else the first three bands; each from its 2nd to its 98th percentile.</summary>
    private static Func<int, int, byte> Composite(ReviewedSample sample, ModelManifest? manifest)
    {
        var (plane, bands) = (sample.Shape[^1] * sample.Shape[^2], sample.Image.Length / (sample.Shape[^1] * sample.Shape[^2]));
        var ids = manifest?.Bands.Select(band => band.Id.ToUpperInvariant()).ToList() ?? [];
        var colors = new[] { new[] { "B04", "RED" }, ["B03", "GREEN"], ["B02", "BLUE"] }.Select(words => ids.FindIndex(words.Contains)).ToArray();
        var chosen = Array.TrueForAll(colors, band => band >= 0 && band < bands) ? colors : [.. Enumerable.Range(0, 3).Select(channel => Math.Min(channel, bands - 1))];
        var ranges = chosen.Select(band =>
        {
            var sorted = sample.Image.AsSpan(band * plane, plane).ToArray();
            Array.Sort(sorted);
            return (Low: sorted[(int)(0.02 * (plane - 1))], High: sorted[(int)(0.98 * (plane - 1))]);
        }).ToArray();
        return (channel, pixel) =>
        {
            var (low, high) = ranges[channel];
            return high > low ? (byte)Math.Clamp(255 * (sample.Image[(chosen[channel] * plane) + pixel] - low) / (high - low), 0, 255) : (byte)127;
        };
    }

    /// <summary>From dark blue over green to yellow; grey where there is no number.</summary>
    private static byte Ramp(float value, float low, float high, int channel)
    {
        if (!float.IsFinite(value))
        {
            return Missing;
        }

        var at = (RampColors.Length - 1) * (high > low ? (value - low) / (high - low) : 0.5f);
        var from = Math.Clamp((int)at, 0, RampColors.Length - 2);
        return (byte)(RampColors[from][channel] + ((at - from) * (RampColors[from + 1][channel] - RampColors[from][channel])));
    }

    private static byte Color(ModelManifest? manifest, int id, int channel)
    {
        if (id < 0 || (manifest is not null && id >= manifest.Classes.Count))
        {
            return Missing;   // not labelled
        }

        var text = manifest?.Classes[id].Color is ['#', .. { Length: 6 }] own ? own : Palette[id % Palette.Length];
        return byte.TryParse(text.AsSpan(1 + (2 * channel), 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : Missing;
    }
}
