using System.IO.Compression;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Data;
using EoOnnx.Training.Tests.Recipes;

namespace EoOnnx.Training.Tests.Data;

/// <summary>Images and labels in arrays of NumPy, and dates in names.</summary>
public sealed class ChipArrayTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-arrays-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(new[] { 5, 6 }, 1)]
    [InlineData(new[] { 3, 5, 6 }, 3)]
    [InlineData(new[] { 5, 6, 3 }, 3)]
    [InlineData(new[] { 2, 3, 5, 6 }, 6)]
    public void A_window_holds_the_values_at_its_place_whatever_the_order_of_the_axes(int[] shape, int bands)
    {
        var values = Enumerable.Range(0, shape.Aggregate(1, (all, extent) => all * extent)).Select(i => (float)i).ToArray();
        values[^1] = float.NaN;
        var path = Path.Combine(_folder, "a.npy");
        File.WriteAllBytes(path, RecipeChipFiles.Npy(shape, values));
        using var chip = ChipRaster.Open(path);
        Assert.Equal((new PixelSize(6, 5), bands), (chip.Size, chip.Bands));
        var window = new PixelWindow(1, 2, 5, 3);
        var read = new float[15];
        foreach (var band in Enumerable.Range(1, bands))
        {
            chip.Read(window, [band], new ValidityOptions(), -7, read);
            for (var i = 0; i < read.Length; i++)
            {
                var (row, column) = (2 + (i / 5), 1 + (i % 5));
                var at = shape is [5, 6, 3] ? (((row * 6) + column) * 3) + band - 1 : ((band - 1) * 30) + (row * 6) + column;
                Assert.Equal(float.IsNaN(values[at]) ? -7 : values[at], read[i]);
            }
        }
    }

    [Fact]
    public void An_archive_may_hold_image_and_labels()
    {
        var path = Path.Combine(_folder, "a.npz");
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            Add(archive, "image.npy", RecipeChipFiles.Npy([2, 4, 4], [.. Enumerable.Repeat(3f, 32)]));
            Add(archive, "mask.npy", RecipeChipFiles.Npy([4, 4], [.. Enumerable.Repeat(1f, 16)]));
        }

        var source = new RasterChipSource([new ChipFile("a", path, path)]);
        var (image, labels) = (new float[32], new float[16]);
        source.Read(0, new PixelWindow(0, 0, 4, 4), image, labels);
        Assert.Equal((3f, 1f, 2), (image[31], labels[15], source.Bands));
    }

    [Fact]
    public void A_damaged_archive_and_an_array_of_other_axes_are_refused_by_name()
    {
        var path = Path.Combine(_folder, "a.npz");
        File.WriteAllText(path, "no archive");
        Assert.Contains("a.npz is no archive", Assert.Throws<TrainingDataException>(() => ChipRaster.Open(path)).Message, StringComparison.Ordinal);
        path = Path.Combine(_folder, "b.npy");
        File.WriteAllBytes(path, RecipeChipFiles.Npy([7], new float[7]));
        Assert.Contains("b.npy is an array [7]", Assert.Throws<TrainingDataException>(() => ChipRaster.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("subsetted_512x512_HLS.S30.T10SDH.2020248.v1.4_merged.tif", "2020-09-04")]
    [InlineData("S2A_MSIL2A_20210703T101031_N0301.tif", "2021-07-03")]
    [InlineData("chip_2019-02-28_2019_03_01.tif", "2019-02-28 2019-03-01")]
    [InlineData("tile_20219999_x1234567.tif", "")]
    [InlineData("no2020400.tif", "")]
    public void Dates_are_read_from_names(string name, string dates) =>
        Assert.Equal(dates, string.Join(' ', ChipDates.In(name).Select(date => date.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture))));

    private static void Add(ZipArchive archive, string name, byte[] content)
    {
        using var entry = archive.CreateEntry(name).Open();
        entry.Write(content);
    }
}
