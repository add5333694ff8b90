using EoOnnx.Raster;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>Small rasters of a data set: repeatable values that differ in every band and chip.</summary>
internal static class RecipeChipFiles
{
    /// <summary>An image whose values lie between 0 and 1,000, the brighter the further down.</summary>
    public static void Image(string path, int bands, int side, int seed, IReadOnlyList<string>? names = null)
    {
        var random = new Random(seed);
        Write(path, bands, side, [.. Enumerable.Range(0, bands * side * side).Select(i => (float)((i % (side * side) / side * 800.0 / side) + (200 * random.NextDouble())))], names);
    }

    /// <summary>Labels in stripes that follow the brightness of the image.</summary>
    public static void Classes(string path, int side, IReadOnlyList<float> values, int seed) =>
        Write(path, 1, side, [.. Enumerable.Range(0, side * side).Select(i => values[((i / side * values.Count / side) + seed) % values.Count])]);

    /// <summary>Measured values that follow the brightness of the image.</summary>
    public static void Values(string path, int side, float largest) => Write(path, 1, side, [.. Enumerable.Range(0, side * side).Select(i => i / side * largest / side)]);

    private static void Write(string path, int bands, int side, float[] values, IReadOnlyList<string>? names = null)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        GeoTiffWriter.Write<float>(path, new RasterProfile { Size = new PixelSize(side, side), Type = RasterType.Float32, BandCount = bands, BandNames = names ?? [] }, values);
    }
}
