namespace EoOnnx.Raster.Tests.Output;

public sealed class QuickLookTests : IDisposable
{
    private static readonly (byte, byte, byte)[] Colors = [(10, 20, 30), (200, 100, 50)];
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-quicklook-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Panels_stand_beside_each_other_composites_stretched_and_classes_in_their_colours()
    {
        var scene = Write("scene.tif", 40, 20, RasterType.UInt16, 3, [.. Enumerable.Range(0, 3 * 800).Select(i => (ushort)(i % 800 * 10))]);
        var map = Write("map.tif", 40, 20, RasterType.Byte, 1, [.. Enumerable.Range(0, 800).Select(i => (byte)(i == 5 ? 255 : i % 2))]);
        var picture = Path.Combine(_folder, "look.png");
        QuickLook.Write(picture, [QuickLookPanel.Composite(scene, 3, 2, 1), QuickLookPanel.Classes(map, Colors)]);

        var (size, pixels) = Read(picture);
        Assert.Equal(new PixelSize(40 + 8 + 40, 20), size);
        Assert.Equal([0, 0, 0], Pixel(0, 0));                    // below the 2nd percentile
        Assert.Equal([255, 255, 255], Pixel(39, 19));            // above the 98th
        Assert.InRange(Pixel(20, 10)[0], 120, 140);              // the middle
        Assert.Equal([10, 20, 30], Pixel(48, 0));
        Assert.Equal([200, 100, 50], Pixel(49, 0));
        Assert.Equal([160, 160, 160], Pixel(48 + 5, 0));         // nodata
        Assert.Equal([255, 255, 255], Pixel(42, 3));             // between the panels
        byte[] Pixel(int x, int y) => [.. Enumerable.Range(0, 3).Select(channel => pixels[(channel * size.Width * size.Height) + (y * size.Width) + x])];
    }

    [Fact]
    public void A_large_raster_is_thinned_to_the_longest_edge()
    {
        var map = Write("map.tif", 100, 30, RasterType.Byte, 1, new byte[3000]);
        QuickLook.Write(Path.Combine(_folder, "look.png"), [QuickLookPanel.Classes(map, Colors)], maximumEdge: 50);
        Assert.Equal(new PixelSize(50, 15), Read(Path.Combine(_folder, "look.png")).Size);
    }

    [Fact]
    public void Rasters_of_different_sizes_are_refused_with_both_sizes()
    {
        var (a, b) = (Write("a.tif", 20, 20, RasterType.Byte, 1, new byte[400]), Write("b.tif", 20, 21, RasterType.Byte, 1, new byte[420]));
        var error = Assert.Throws<RasterException>(() => QuickLook.Write(Path.Combine(_folder, "look.png"), [QuickLookPanel.Classes(a, Colors), QuickLookPanel.Classes(b, Colors)]));
        Assert.Contains("b.tif is 20 x 21", error.Message, StringComparison.Ordinal);
        Assert.Contains("20 x 20", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "look.png")));
    }

    private string Write<T>(string name, int width, int height, RasterType type, int bands, T[] pixels) where T : unmanaged
    {
        var path = Path.Combine(_folder, name);
        GeoTiffWriter.Write<T>(path, new RasterProfile { Size = new PixelSize(width, height), Type = type, BandCount = bands, NoData = type == RasterType.Byte ? 255 : null }, pixels);
        return path;
    }

    private static (PixelSize Size, byte[] Pixels) Read(string path)
    {
        using var picture = RasterDataset.Open(path);
        using var reader = picture.OpenReader();
        var pixels = new byte[3 * picture.Size.Width * picture.Size.Height];
        reader.Read(new PixelWindow(0, 0, picture.Size.Width, picture.Size.Height), [1, 2, 3], pixels);
        return (picture.Size, pixels);
    }
}
