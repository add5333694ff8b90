using EoOnnx.Formats;

namespace EoOnnx.Formats.Tests;

public class MappedFileTests
{
    [Fact]
    public void A_slice_stays_readable_when_the_file_object_is_gone()
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, [1, 2, 3, 4]);
        var slice = MappedFile.Open(path).Slice(1, 2);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal([2, 3], slice.ToArray());
        File.Delete(path);
    }

    [Theory, InlineData(-1, 1), InlineData(0, 5), InlineData(4, 1), InlineData(3, long.MaxValue)]
    public void A_range_outside_the_file_is_refused(long offset, long length)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, [1, 2, 3, 4]);
        Assert.Throws<FileFormatException>(() => MappedFile.Open(path).Slice(offset, length));
        File.Delete(path);
    }
}
