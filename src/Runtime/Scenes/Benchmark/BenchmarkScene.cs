using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Writes scenes of any size for measurements: fields of about 40 pixels with noise, which compress about as real scenes do. Same seed, same values.</summary>
public static class BenchmarkScene
{
    private const int RowsAStrip = 64;

    /// <summary>Writes a tiled, compressed GeoTIFF of 16-bit numbers on 10 m pixels in UTM, a strip of rows at a time.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="size">Columns and rows.</param>
    /// <param name="bands">Names of the bands.</param>
    /// <param name="middles">About the mean of each band; 0 to 65,000.</param>
    /// <param name="seed">Of the noise.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="RasterException">The file cannot be written.</exception>
    public static void Write(string path, PixelSize size, IReadOnlyList<string> bands, IReadOnlyList<double> middles, int seed = 1, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(bands);
        ArgumentNullException.ThrowIfNull(middles);
        ArgumentOutOfRangeException.ThrowIfNotEqual(middles.Count, bands.Count);
        var random = new Random(seed);
        using var sink = CogSink.Open(path, new RasterProfile
        {
            Size = size, BandCount = bands.Count, Type = RasterType.UInt16, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10), BandNames = bands,
        }, new Dictionary<string, string> { ["synthetic"] = $"{size.Width} x {size.Height} x {string.Join(',', bands)}, seed {seed}" }, restart: true);
        sink.HasOverviews = false; // nothing but what a run reads
        var rows = new ushort[checked(Math.Min(RowsAStrip, size.Height) * bands.Count * size.Width)];
        for (var first = 0; first < size.Height; first += RowsAStrip)
        {
            cancellation.ThrowIfCancellationRequested();
            var strip = rows.AsSpan(0, Math.Min(RowsAStrip, size.Height - first) * bands.Count * size.Width);
            for (var line = 0; line < strip.Length / size.Width; line++)
            {
                var (y, band) = (first + (line / bands.Count), line % bands.Count);
                var row = strip.Slice(line * size.Width, size.Width);
                for (var x = 0; x < row.Length; x++)
                {
                    var field = ((x / 40 * 73_856_093) ^ (y / 40 * 19_349_663) ^ (band * 83_492_791)) & 255;
                    row[x] = (ushort)Math.Clamp(middles[band] - 400 + (3 * field) + random.Next(60), 1, ushort.MaxValue);
                }
            }

            sink.Write(first, MemoryMarshal.AsBytes(strip));
        }

        sink.Complete(cancellation);
    }
}
