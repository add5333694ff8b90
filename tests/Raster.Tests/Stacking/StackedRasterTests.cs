using System.Diagnostics;
using EoOnnx.Tests;

namespace EoOnnx.Raster.Tests.Stacking;

[Collection(OpenHandles.Name)]
public sealed class StackedRasterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-stack-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(20, false), InlineData(60, false), InlineData(20, true), InlineData(60, true)]
    public void A_coarser_band_equals_what_gdalwarp_makes_of_it(int metres, bool categorical)
    {
        const int edge = 240;
        var fine = Write("fine", edge, edge, 10, seed: 1);
        var coarse = Write("coarse", edge * 10 / metres, edge * 10 / metres, metres, seed: 2);
        using var one = RasterDataset.Open(fine);
        using var other = RasterDataset.Open(coarse);
        using var stack = StackedRaster.Create(RasterGrid.Of(one), [new StackBand(one, 1, "B02"), new StackBand(other, 1, "B11") { IsCategorical = categorical }], "mix");

        var warped = Path.Combine(_folder, "reference.tif");
        string[] form = categorical ? ["-dstnodata", "0"] : ["-ot", "Float32", "-dstnodata", "nan"];
        Run("gdalwarp", ["-q", "-te", "300000", $"{5_000_000 - (edge * 10)}", $"{300_000 + (edge * 10)}", "5000000", "-ts", $"{edge}", $"{edge}", "-r", categorical ? "near" : "bilinear",
            .. form, coarse, warped]);
        using var reference = RasterDataset.Open(warped);
        Assert.Equal(["B02", "B11"], stack.Dataset.Bands.Select(band => band.Name));
        Assert.Equal(Pixels(reference, 1), Pixels(stack.Dataset, 2));
        Assert.Equal(Pixels(one, 1), Pixels(stack.Dataset, 1));
    }

    [Fact]
    public void Bands_of_one_grid_keep_their_type_nodata_scale_and_blocks()
    {
        var path = Write("plain", 64, 32, 10, seed: 3);
        using var raster = RasterDataset.Open(path);
        using var stack = StackedRaster.Create(RasterGrid.Of(raster), [new StackBand(raster, 1, "a"), new StackBand(raster, 1, "b") { Scale = 0.0001, Offset = -0.1, NoData = 7 }], "two");
        var (first, second) = (stack.Dataset.Bands[0], stack.Dataset.Bands[1]);
        Assert.Equal((RasterType.UInt16, 0d, 1d, 0d), (first.Type, first.NoData!.Value, first.Scale, first.Offset));
        Assert.Equal((7d, 0.0001, -0.1), (second.NoData!.Value, second.Scale, second.Offset));
        Assert.Equal(raster.Bands[0].BlockSize.Width, first.BlockSize.Width);
        Assert.Equal("two", stack.Dataset.Name);
    }

    [Fact]
    public void What_no_source_covers_is_missing()
    {
        using var small = RasterDataset.Open(Write("small", 20, 20, 10, seed: 4));
        var grid = RasterGrid.Of(small) with { Size = new PixelSize(30, 25) };
        using var stack = StackedRaster.Create(grid, [new StackBand(small, 1, "a")], "larger");
        using var reader = stack.Dataset.OpenReader();
        var (values, valid) = (new float[30 * 25], new byte[30 * 25]);
        reader.Read(new PixelWindow(0, 0, 30, 25), [1], values);
        reader.ReadValidity<float>(new PixelWindow(0, 0, 30, 25), [1], values, new ValidityOptions(), valid);
        Assert.Equal(1, valid[(19 * 30) + 19]);
        Assert.Equal(0, valid[29]);
        Assert.Equal(0, valid[24 * 30]);
    }

    [Fact]
    public void A_mask_beside_the_bands_becomes_missing_values()
    {
        var path = Write("masked", 16, 16, 10, seed: 5);
        var alpha = Path.Combine(_folder, "alpha.tif");
        Run("gdal_translate", "-q", "-b", "1", "-mask", "1", "-a_nodata", "none", "--config", "GDAL_TIFF_INTERNAL_MASK", "YES", path, alpha);
        using var raster = RasterDataset.Open(alpha);
        using var stack = StackedRaster.Create(RasterGrid.Of(raster), [new StackBand(raster, 1, "a")], "masked");
        var (values, source) = (Pixels(stack.Dataset, 1), Pixels(raster, 1));
        Assert.Contains(0f, source);
        Assert.All(values.Zip(source), pair => Assert.True(pair.Second == 0 ? float.IsNaN(pair.First) : pair.First == pair.Second));
    }

    [Fact]
    public void Nothing_is_left_in_memory_or_open()
    {
        var path = Write("closed", 16, 16, 10, seed: 6);
        var before = RasterDataset.OpenHandles;
        List<string> files;
        using (var raster = RasterDataset.Open(path))
        using (var stack = StackedRaster.Create(RasterGrid.Of(raster).WithResolution(20), [new StackBand(raster, 1, "a")], "coarse"))
        {
            var folder = Path.GetDirectoryName(stack.Dataset.GdalName)!;
            Assert.StartsWith("/vsimem/", folder, StringComparison.Ordinal);
            files = [.. VirtualFiles.List(folder).Select(name => $"{folder}/{name}")];
            Assert.Contains(stack.Dataset.GdalName, files);
            Assert.All(files, file => Assert.True(VirtualFiles.Exists(file), file));
        }

        Assert.Equal(before, RasterDataset.OpenHandles);
        Assert.All(files, file => Assert.False(VirtualFiles.Exists(file), file));
    }

    [Theory, InlineData(0, 0, 31), InlineData(15, 52, 33), InlineData(-179.9, -1, 1), InlineData(180, 10, 60)]
    public void A_place_lies_in_its_utm_zone(double longitude, double latitude, int zone) =>
        Assert.Equal($"EPSG:{(latitude >= 0 ? 32600 : 32700) + zone}", SpatialReference.UtmZone(longitude, latitude));

    private string Write(string name, int width, int height, double metres, int seed)
    {
        var random = new Random(seed);
        var path = Path.Combine(_folder, name + ".tif");
        GeoTiffWriter.Write<ushort>(path, new RasterProfile
        {
            Size = new PixelSize(width, height), BandCount = 1, Type = RasterType.UInt16, NoData = 0, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, metres, 0, 5_000_000, 0, -metres),
        }, [.. Enumerable.Range(0, width * height).Select(_ => (ushort)(random.Next(20) == 0 ? 0 : random.Next(1, 12_000)))]);
        return path;
    }

    private static float[] Pixels(RasterDataset raster, int band)
    {
        using var reader = raster.OpenReader();
        var pixels = new float[raster.Size.Width * raster.Size.Height];
        reader.Read(new PixelWindow(0, 0, raster.Size.Width, raster.Size.Height), [band], pixels);
        return pixels;
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }
}
