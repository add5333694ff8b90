using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EoOnnx.Raster;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>Small rasters of a data set: repeatable values that differ in every band and chip.</summary>
internal static class RecipeChipFiles
{
    /// <summary>An image whose values lie between 0 and 1,000, the brighter the further down.</summary>
    public static void Image(string path, int bands, int side, int seed, IReadOnlyList<string>? names = null, float? first = null) =>
        Write(path, bands, side, With(first, Brightness(bands, side, seed)), names);

    /// <summary>The same, three times as bright, as whole numbers of 16 bits.</summary>
    public static void Counts(string path, int bands, int side, int seed) =>
        Write<ushort>(path, bands, side, RasterType.UInt16, [.. Brightness(bands, side, seed).Select(value => (ushort)(3 * value))]);

    /// <summary>An image as <see cref="Image"/> in UTM zone 33 north, 10 m a pixel, so many kilometres east of 14.2° E.</summary>
    public static void Placed(string path, int bands, int side, int seed, double kilometres) => Write(
        path, bands, side, RasterType.Float32, Brightness(bands, side, seed), null, new GeoTransform(440_000 + (1000 * kilometres), 10, 0, 5_260_000, 0, -10));

    /// <summary>Labels in stripes that follow the brightness of the image.</summary>
    public static void Classes(string path, int side, IReadOnlyList<float> values, int seed) =>
        Write(path, 1, side, [.. Enumerable.Range(0, side * side).Select(i => values[((i / side * values.Count / side) + seed) % values.Count])]);

    /// <summary>Measured values that follow the brightness of the image.</summary>
    public static void Values(string path, int side, float largest, float? first = null) => Write(path, 1, side, With(first, [.. Enumerable.Range(0, side * side).Select(i => i / side * largest / side)]));

    /// <summary>An array of NumPy of whole numbers from 0 to below <paramref name="count"/>, as float32.</summary>
    public static void Array(string path, IReadOnlyList<int> shape, int seed, int count)
    {
        var random = new Random(seed);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Npy(shape, [.. Enumerable.Range(0, shape.Aggregate(1, (all, extent) => all * extent)).Select(_ => (float)random.Next(count))]));
    }

    /// <summary>The bytes of a file of NumPy.</summary>
    public static byte[] Npy(IReadOnlyList<int> shape, float[] values)
    {
        var header = string.Create(CultureInfo.InvariantCulture, $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Join(", ", shape)},), }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.Latin1.GetBytes(header), .. MemoryMarshal.AsBytes<float>(values)];
    }

    private static float[] Brightness(int bands, int side, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, bands * side * side).Select(i => (float)((i % (side * side) / side * 800.0 / side) + (200 * random.NextDouble())))];
    }

    private static float[] With(float? first, float[] values)
    {
        values[0] = first ?? values[0];
        return values;
    }

    private static void Write(string path, int bands, int side, float[] values, IReadOnlyList<string>? names = null) => Write<float>(path, bands, side, RasterType.Float32, values, names);

    private static void Write<T>(string path, int bands, int side, RasterType type, T[] values, IReadOnlyList<string>? names = null, GeoTransform? place = null)
        where T : unmanaged
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        GeoTiffWriter.Write<T>(path, new RasterProfile { Size = new PixelSize(side, side), Type = type, BandCount = bands, BandNames = names ?? [], Transform = place, Projection = place is null ? "" : SpatialReference.ToWkt("EPSG:32633") }, values);
    }
}
