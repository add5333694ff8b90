using EoOnnx.Formats;

namespace EoOnnx.Formats.Tests;

public class AtomicFileTests
{
    [Fact]
    public void A_failed_write_leaves_the_old_content_and_no_other_file()
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-atomic-").FullName;
        var path = Path.Combine(folder, "result.txt");
        AtomicFile.WriteText(path, "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder));
        Directory.Delete(folder, recursive: true);
    }
}
