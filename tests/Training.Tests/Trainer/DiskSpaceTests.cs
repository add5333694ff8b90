using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Trainer;

public class DiskSpaceTests
{
    [Fact]
    public void A_disk_without_room_is_refused_with_both_numbers()
    {
        var failure = Assert.Throws<TrainingException>(() => DiskSpace.Require("runs/a", bytes: 700_000_000, free: 5_000_000));
        Assert.Contains("runs/a has 5 MB free; the run writes up to 700 MB", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_free_space_of_the_folder_itself_counts()
    {
        Assert.Throws<TrainingException>(() => DiskSpace.Require(Path.GetTempPath(), long.MaxValue));
        DiskSpace.Require(Path.GetTempPath(), 1);
    }
}
