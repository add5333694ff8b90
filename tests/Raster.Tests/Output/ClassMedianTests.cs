using System.Runtime.InteropServices;
using CsCheck;

namespace EoOnnx.Raster.Tests.Output;

public sealed class ClassMedianTests
{
    private static readonly Gen<(int Width, int Height, int Classes, int Window, int Bands, double Holes, int Seed)> Maps =
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 50], Gen.Int[1, 70], Gen.Int[0, 12], Gen.Int[1, 3], Gen.OneOf(0.0, 0.02, 0.6), Gen.Int,
            (width, height, classes, reach, bands, holes, seed) => (width, height, classes, (2 * reach) + 1, bands, holes, seed));

    [Fact]
    public void Every_pixel_is_the_median_of_its_window_with_the_edge_repeated_as_OpenCV_has_it() =>
        Maps.Sample(map => Check<byte>(map.Width, map.Height, map.Classes, map.Window, map.Bands, map.Holes, map.Seed, RasterType.Byte), iter: 120);

    [Fact]
    public void So_it_is_for_classes_of_sixteen_bits() =>
        Maps.Sample(map => Check<ushort>(map.Width, map.Height, 5 * map.Classes, map.Window, map.Bands, map.Holes, map.Seed, RasterType.UInt16), iter: 40);

    [Theory, InlineData(1300, 560, 2, 5, 0), InlineData(2500, 30, 250, 3, 0.1), InlineData(600, 700, 4, 99, 0.001), InlineData(1, 4000, 3, 31, 0), InlineData(3000, 1, 3, 31, 0.5)]
    public void Nothing_shows_where_blocks_of_rows_or_the_columns_of_threads_meet(int width, int height, int classes, int window, double holes) =>
        Check<byte>(width, height, classes, window, 1, holes, seed: width, RasterType.Byte, every: window > 50 ? 997 : 1);

    [Theory, InlineData(0), InlineData(4), InlineData(101), InlineData(-3)]
    public void A_window_without_a_middle_or_beyond_the_largest_is_refused(int window)
    {
        var message = Assert.Throws<ArgumentOutOfRangeException>(() => new ClassMedian(new RasterProfile { Size = new PixelSize(2, 2), Type = RasterType.Byte }, [0, 1], window)).Message;
        Assert.Contains("odd, 1 to 99", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_are_refused() => Assert.Throws<ArgumentException>(() => new ClassMedian(new RasterProfile { Size = new PixelSize(2, 2), Type = RasterType.Float32 }, [0, 1], 3));

    [Fact]
    public void Memory_follows_the_width_and_the_window_not_the_height()
    {
        Assert.Equal(Bytes(10_000, 5000, 9), Bytes(10_000, 5_000_000, 9));
        Assert.InRange(Bytes(10_000, 5000, 99), Bytes(10_000, 5000, 9) + (90 * 10_000), 30L << 20);

        static long Bytes(int width, int height, int window) => new ClassMedian(new RasterProfile { Size = new PixelSize(width, height), Type = RasterType.Byte }, Enumerable.Range(0, 10), window).Bytes;
    }

    private static void Check<T>(int width, int height, int classes, int window, int bands, double holes, int seed, RasterType type, int every = 1) where T : unmanaged
    {
        const int missing = 255;
        var random = new Random(seed);
        int[] values = [.. Enumerable.Range(0, classes).Select(i => i * (type == RasterType.Byte ? 3 : 100) % (type == RasterType.Byte ? 251 : 60_013)).Distinct().Where(value => value != missing)];
        var map = new int[height, bands, width];
        for (var row = 0; row < height; row++)
        {
            for (var band = 0; band < bands; band++)
            {
                for (var column = 0; column < width; column++)
                {
                    map[row, band, column] = band > 0 ? random.Next(256) : random.NextDouble() < holes ? missing : values[random.Next(values.Length)];
                }
            }
        }

        var stored = Bytes<T>(map);
        var smoothed = new byte[stored.Length];
        var rowBytes = stored.Length / height;
        var written = 0;
        new ClassMedian(new RasterProfile { Size = new PixelSize(width, height), Type = type, BandCount = bands, NoData = missing }, values, window).Run(
            (first, rows) => stored.AsSpan(first * rowBytes, rows.Length).CopyTo(rows),
            (first, rows) =>
            {
                Assert.Equal(written, first * rowBytes);
                rows.CopyTo(smoothed.AsSpan(written));
                written += rows.Length;
            });
        Assert.Equal(stored.Length, written);
        var actual = MemoryMarshal.Cast<byte, T>(smoothed).ToArray().Select(value => Convert.ToInt32(value, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        for (var i = 0; i < actual.Length; i += every)
        {
            var (row, band, column) = (i / (bands * width), i / width % bands, i % width);
            Assert.True((band > 0 ? map[row, band, column] : Median(map, row, column, window, missing)) == actual[i], $"row {row}, band {band}, column {column} of {height} x {bands} x {width}: {actual[i]}");
        }
    }

    // From the definition: all values of the window, sorted.
    private static int Median(int[,,] map, int row, int column, int window, int missing)
    {
        if (map[row, 0, column] == missing)
        {
            return missing;
        }

        var neighbours = new List<int>();
        for (var y = row - (window / 2); y <= row + (window / 2); y++)
        {
            for (var x = column - (window / 2); x <= column + (window / 2); x++)
            {
                neighbours.Add(map[Math.Clamp(y, 0, map.GetLength(0) - 1), 0, Math.Clamp(x, 0, map.GetLength(2) - 1)]);
            }
        }

        neighbours.RemoveAll(value => value == missing);
        neighbours.Sort();
        return neighbours[(neighbours.Count - 1) / 2];
    }

    private static byte[] Bytes<T>(int[,,] map) where T : unmanaged =>
        MemoryMarshal.AsBytes<T>([.. map.Cast<int>().Select(value => (T)Convert.ChangeType(value, typeof(T), System.Globalization.CultureInfo.InvariantCulture))]).ToArray();
}
