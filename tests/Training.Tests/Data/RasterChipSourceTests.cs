using EoOnnx.Raster;
using EoOnnx.Tests;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public class RasterChipSourceTests
{
    private static readonly string Terramesh = Path.Combine(SharedData.Data, "terramesh");

    private static IReadOnlyList<ChipFile> Files() => ChipFolder.Find(new() { Folder = SharedData.Require(Terramesh), Images = "S2L2A/*.tif", Labels = "LULC/*.tif" });

    [Fact]
    public void Real_chips_give_the_same_pixels_cached_or_read_by_window()
    {
        var cached = new RasterChipSource(Files());
        var uncached = new RasterChipSource(Files(), new RasterChipOptions { CacheBytes = 0 });
        Assert.Equal(5, cached.Chips.Count);
        Assert.All(cached.Chips, chip => Assert.Equal(new PixelSize(224, 224), chip.Size));
        var window = new PixelWindow(17, 30, 50, 40);
        var (a, b, la, lb) = (new float[cached.Bands * 2000], new float[cached.Bands * 2000], new float[2000], new float[2000]);
        cached.Read(2, window, a, la);
        uncached.Read(2, window, b, lb);
        Assert.Equal(a, b);
        Assert.Equal(la, lb);
        Assert.All(la, label => Assert.InRange(label, 1, 9));
    }

    [Fact]
    public void Bands_are_taken_in_the_asked_order_and_scaled()
    {
        var all = new RasterChipSource(Files());
        var some = new RasterChipSource(Files(), new RasterChipOptions { Bands = [4, 2], ConstantScale = 1e-4 });
        var window = new PixelWindow(0, 0, 10, 10);
        var (a, b, labels) = (new float[all.Bands * 100], new float[200], new float[100]);
        all.Read(0, window, a, labels);
        some.Read(0, window, b, labels);
        Assert.Equal(a[300..400].Concat(a[100..200]).Select(value => value * 1e-4f), b);
    }

    [Fact]
    public void A_band_that_a_chip_lacks_is_refused_with_both_numbers()
    {
        var failure = Assert.Throws<TrainingDataException>(() => new RasterChipSource(Files(), new RasterChipOptions { Bands = [1, 40] }));
        Assert.Contains("has 12 bands", failure.Message, StringComparison.Ordinal);
        Assert.Contains("1, 40", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_labels_and_pixels_are_NaN_or_replaced()
    {
        var hls = Path.Combine(SharedData.Data, "hls");
        SharedData.Require(hls);
        ChipFile[] files = [new("hls", Path.Combine(hls, "hls_chip_10band.tif"), Path.Combine(hls, "biomass_label.tif"))];
        var (image, labels) = (new float[10 * 224 * 224], new float[224 * 224]);
        new RasterChipSource(files).Read(0, new PixelWindow(0, 0, 224, 224), image, labels);
        var missing = image.Count(float.IsNaN);
        new RasterChipSource(files, new RasterChipOptions { NoDataReplacement = 0 }).Read(0, new PixelWindow(0, 0, 224, 224), image, labels);
        Assert.Equal(0, image.Count(float.IsNaN));
        Assert.True(missing == 0 || image.Count(value => value == 0) >= missing);
    }
}
