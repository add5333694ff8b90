namespace EoOnnx.Raster.Tests.Output;

public sealed class PngWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-png-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_picture_is_read_back_as_it_was_written_and_no_other_file_is_made()
    {
        var path = Path.Combine(_folder, "picture.png");
        byte[] pixels = [.. Enumerable.Range(0, 3 * 5 * 4).Select(i => (byte)(i * 4))];
        PngWriter.Write(path, new PixelSize(5, 4), pixels);

        using (var dataset = RasterDataset.Open(path))
        {
            using var reader = dataset.OpenReader();
            var back = new byte[pixels.Length];
            reader.Read(new PixelWindow(0, 0, 5, 4), [1, 2, 3], back);
            Assert.Equal(pixels, back);
        }

        Assert.Equal("picture.png", Path.GetFileName(Assert.Single(Directory.GetFiles(_folder))));
    }

    [Fact]
    public void A_wrong_number_of_pixels_is_refused_with_both_numbers()
    {
        var error = Assert.Throws<ArgumentException>(() => PngWriter.Write("never.png", new PixelSize(5, 4), new byte[7]));
        Assert.Contains("7 values", error.Message, StringComparison.Ordinal);
        Assert.Contains("has 60", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_an_error_that_leaves_nothing()
    {
        var path = Path.Combine(_folder, "absent", "picture.png");
        Assert.Throws<RasterException>(() => PngWriter.Write(path, new PixelSize(1, 1), new byte[3]));
    }
}
