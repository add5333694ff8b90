using System.Diagnostics;
using System.Text.Json;

namespace EoOnnx.Raster.Tests.Output;

public sealed class GeoTiffWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-tiff-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Pixels_grid_names_classes_and_colours_come_back()
    {
        var path = Path.Combine(_folder, "classes.tif");
        var profile = new RasterProfile
        {
            Size = new PixelSize(3, 2), Type = RasterType.Byte, NoData = 255, Transform = new GeoTransform(600_000, 30, 0, 5_400_000, 0, -30), Projection = "EPSG:32631",
            CategoryNames = ["background", "burned"], Colors = [(0, 0, 0), (255, 80, 0)], BandNames = ["class"],
        };
        GeoTiffWriter.Write<byte>(path, profile, [0, 1, 1, 255, 0, 1]);
        using var raster = RasterDataset.Open(path);
        Assert.Equal(["background", "burned"], raster.Bands[0].CategoryNames);
        Assert.Equal((byte)80, raster.Bands[0].Colors[1].Green);
        Assert.Equal("class", raster.Bands[0].Name);
        Assert.Equal(255, raster.Bands[0].NoData);
        Assert.Equal(profile.Transform, raster.Transform);
        using var reader = raster.OpenReader();
        var pixels = new byte[6];
        reader.Read(new PixelWindow(0, 0, 3, 2), [1], pixels);
        Assert.Equal([0, 1, 1, 255, 0, 1], pixels);

        using var info = JsonDocument.Parse(GdalInfo(path));
        Assert.Equal([600_000, 30, 0, 5_400_000, 0, -30], info.RootElement.GetProperty("geoTransform").EnumerateArray().Select(n => n.GetDouble()));
    }

    [Fact]
    public void A_folder_that_does_not_exist_leaves_nothing_behind()
    {
        var path = Path.Combine(_folder, "missing", "x.tif");
        Assert.Contains("x.tif", Assert.Throws<RasterException>(() =>
            GeoTiffWriter.Write<byte>(path, new RasterProfile { Size = new PixelSize(1, 1), Type = RasterType.Byte }, [1])).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    internal static string GdalInfo(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("gdalinfo", ["-json", path]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }
}
