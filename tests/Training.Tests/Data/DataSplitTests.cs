using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public class DataSplitTests
{
    private static ChipInfo[] Named(int count) => [.. Enumerable.Range(0, count).Select(i => new ChipInfo($"chip{i}", new PixelSize(1, 1)))];

    [Theory, InlineData(2, 0.2, 1), InlineData(10, 0.2, 2), InlineData(3, 0.99, 2), InlineData(1000, 0.25, 250)]
    public void A_random_split_holds_out_the_share_but_leaves_both_parts_at_least_one(int chips, double share, int heldOut)
    {
        var split = DataSplit.Random(Named(chips), share, seed: 1);
        Assert.Equal(heldOut, split.Validation.Count);
        Assert.Equal(Enumerable.Range(0, chips), split.Training.Concat(split.Validation).Order());
    }

    [Fact]
    public void The_same_seed_gives_the_same_split_and_another_seed_another()
    {
        var chips = Named(50);
        Assert.Equal(DataSplit.Random(chips, 0.3, 7).Validation, DataSplit.Random(chips, 0.3, 7).Validation);
        Assert.NotEqual(DataSplit.Random(chips, 0.3, 7).Validation, DataSplit.Random(chips, 0.3, 8).Validation);
    }

    [Fact]
    public void A_new_chip_keeps_the_relative_order_of_old_ones()
    {
        var before = DataSplit.Random(Named(50), 0.3, 7);
        var after = DataSplit.Random(Named(51), 0.3, 7);
        Assert.True(before.Validation.Intersect(after.Validation).Count() >= 14);
    }

    [Fact]
    public void Chips_left_out_by_name_are_held_out_and_unknown_names_are_refused()
    {
        Assert.Equal([1], DataSplit.LeaveOut(Named(3), ["chip1"]).Validation);
        Assert.Contains("'chip9'", Assert.Throws<TrainingDataException>(() => DataSplit.LeaveOut(Named(3), ["chip9"])).Message, StringComparison.Ordinal);
        Assert.Throws<TrainingDataException>(() => DataSplit.LeaveOut(Named(1), ["chip0"]));
        Assert.Throws<TrainingDataException>(() => DataSplit.Random(Named(1), 0.5, 1));
    }
}
