namespace EoOnnx.Formats.Tests;

public class FreeDiskSpaceTests
{
    [Fact]
    public void A_disk_without_room_is_told_with_both_numbers()
    {
        Assert.Equal("The disk of runs/a has 5 MB free; the run writes up to 700 MB", FreeDiskSpace.Lack("runs/a", bytes: 700_000_000, free: 5_000_000));
        Assert.Null(FreeDiskSpace.Lack("runs/a", bytes: 5_000_000, free: 5_000_000));
    }

    [Fact]
    public void The_free_space_of_the_folder_itself_counts()
    {
        Assert.NotNull(FreeDiskSpace.Lack(Path.GetTempPath(), long.MaxValue));
        Assert.Null(FreeDiskSpace.Lack(Path.GetTempPath(), 1));
    }
}
