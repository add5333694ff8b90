using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EoOnnx.Bench.Scene;

/// <summary>A seeded scene of six bands of UInt16 as a tiled DEFLATE GeoTIFF, made once for each size.</summary>
internal static class SyntheticScene
{
    public const int Bands = 6;

    /// <summary>The bands' means and deviations, which the models of the benchmark take.</summary>
    public static readonly (double Mean, double Deviation)[] Statistics = [.. Enumerable.Range(0, Bands).Select(band => (800.0 + (300 * band), 400.0))];

    /// <summary>Writes the scene row by row, then lets GDAL tile and compress it.</summary>
    public static void Write(string path, int width, int height, int seed)
    {
        var raw = path + ".bil";
        var random = new Random(seed);
        using (var file = new FileStream(raw, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
        {
            var line = new ushort[width];
            for (var y = 0; y < height; y++)
            {
                for (var band = 0; band < Bands; band++)
                {
                    for (var x = 0; x < width; x++)
                    {
                        // Fields of about 40 pixels with noise: compresses about as a real scene does.
                        var field = 1 + (((x / 40 * 73_856_093) ^ (y / 40 * 19_349_663) ^ (band * 83_492_791)) & 255);
                        line[x] = (ushort)(Statistics[band].Mean - 400 + (3 * field) + random.Next(60));
                    }

                    file.Write(MemoryMarshal.AsBytes(line.AsSpan()));
                }
            }
        }

        File.WriteAllText(Path.ChangeExtension(raw, ".hdr"), string.Create(CultureInfo.InvariantCulture,
            $"ENVI\nsamples = {width}\nlines = {height}\nbands = {Bands}\nheader offset = 0\nfile type = ENVI Standard\ndata type = 12\ninterleave = bil\nbyte order = 0\n"));
        using var translate = Process.Start("gdal_translate", ["-q", "-co", "TILED=YES", "-co", "COMPRESS=DEFLATE", "-co", "ZLEVEL=1", "-co", "NUM_THREADS=ALL_CPUS", "-a_srs", "EPSG:32633",
            "-a_ullr", "300000", "5000000", (300_000 + (10 * width)).ToString(CultureInfo.InvariantCulture), (5_000_000 - (10 * height)).ToString(CultureInfo.InvariantCulture), raw, path]);
        translate.WaitForExit();
        if (translate.ExitCode != 0)
        {
            throw new IOException($"gdal_translate could not write {path}; it ended with {translate.ExitCode}.");
        }

        File.Delete(raw);
        File.Delete(Path.ChangeExtension(raw, ".hdr"));
    }
}
