using System.Globalization;
using EoOnnx.Raster;
using EoOnnx.Runtime;

namespace EoOnnx.Bench.Scene;

/// <summary>The scene of the comparison: six bands of 16 bits, about as bright as Sentinel-2 sees land.</summary>
internal static class SyntheticScene
{
    public const int Bands = 6;

    /// <summary>About the mean and deviation of each band.</summary>
    public static readonly (double Mean, double Deviation)[] Statistics = [.. Enumerable.Range(0, Bands).Select(band => (800.0 + (300 * band), 400.0))];

    /// <summary>Writes it.</summary>
    public static void Write(string path, int width, int height, int seed) =>
        BenchmarkScene.Write(path, new PixelSize(width, height), [.. Enumerable.Range(1, Bands).Select(band => string.Create(CultureInfo.InvariantCulture, $"B{band:00}"))], [.. Statistics.Select(band => band.Mean)], seed);
}
