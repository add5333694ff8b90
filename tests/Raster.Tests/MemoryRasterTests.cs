namespace EoOnnx.Raster.Tests;

public class MemoryRasterTests
{
    [Fact]
    public void An_array_reads_back_with_its_grid_names_scaling_and_nodata()
    {
        var pixels = Enumerable.Range(0, 2 * 5 * 7).Select(i => (short)(i - 20)).ToArray();
        using var raster = MemoryRaster.From<short>(pixels, Profile(RasterType.Int16) with
        {
            Transform = new GeoTransform(1000, 10, 0, 2000, 0, -10), Projection = "EPSG:32633", NoData = -20, BandNames = ["B02", "B03"], BandScaling = [(0.0001, 0), (0.0001, -0.1)],
        });
        var dataset = raster.Dataset;
        using var reader = dataset.OpenReader();
        var read = new short[pixels.Length];
        reader.Read(new PixelWindow(0, 0, 7, 5), [1, 2], read);
        Assert.Equal(pixels, read);
        Assert.Equal((new GeoTransform(1000, 10, 0, 2000, 0, -10), -20.0, "B03", -0.1), (dataset.Transform, dataset.Bands[0].NoData, dataset.Bands[1].Name, dataset.Bands[1].Offset));
        Assert.Contains("32633", dataset.Projection, StringComparison.Ordinal);
        Assert.True(MemoryRaster.Holds(dataset));
    }

    [Theory, InlineData(RasterType.Byte), InlineData(RasterType.UInt16), InlineData(RasterType.UInt32), InlineData(RasterType.Int32), InlineData(RasterType.Float64)]
    public void Every_pixel_type_can_be_held(RasterType type)
    {
        switch (type)
        {
            case RasterType.Byte: Check<byte>(type); break;
            case RasterType.UInt16: Check<ushort>(type); break;
            case RasterType.UInt32: Check<uint>(type); break;
            case RasterType.Int32: Check<int>(type); break;
            default: Check<double>(type); break;
        }
    }

    [Fact]
    public void An_array_of_another_length_or_type_is_refused_with_both_numbers()
    {
        var failure = Assert.Throws<ArgumentException>(() => MemoryRaster.From<float>(new float[69], Profile(RasterType.Float32)));
        Assert.Contains("69", failure.Message, StringComparison.Ordinal);
        Assert.Contains("70", failure.Message, StringComparison.Ordinal);
        Assert.Contains("UInt16", Assert.Throws<ArgumentException>(() => MemoryRaster.From<float>(new float[70], Profile(RasterType.UInt16))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_array_cannot_be_opened_again()
    {
        string path;
        using (var raster = MemoryRaster.From<byte>(new byte[70], Profile(RasterType.Byte)))
        {
            path = raster.Dataset.Path;
        }

        Assert.Throws<RasterException>(() => RasterDataset.Open(path));
    }

    private static void Check<T>(RasterType type) where T : unmanaged, System.Numerics.INumber<T>
    {
        var pixels = Enumerable.Range(0, 70).Select(i => T.CreateChecked(3 * i)).ToArray();
        using var raster = MemoryRaster.From<T>(pixels, Profile(type));
        using var reader = raster.Dataset.OpenReader();
        var read = new T[70];
        reader.Read(new PixelWindow(0, 0, 7, 5), [1, 2], read);
        Assert.Equal(pixels, read);
    }

    private static RasterProfile Profile(RasterType type) => new() { Size = new PixelSize(7, 5), BandCount = 2, Type = type };
}
