using EoOnnx.Training.Trainer.Schedules;

namespace EoOnnx.Training.Tests.Trainer;

/// <summary>torch.optim.lr_scheduler.ReduceLROnPlateau, worked through by hand.</summary>
public class PlateauScheduleTests
{
    [Theory]
    [InlineData(1.0)]
    [InlineData(1.0, 3.0, 2.0, 1.0)]                         // falls all the time
    [InlineData(1.0, 3.0, 3.0, 3.0)]                         // two bad epochs are borne
    [InlineData(0.5, 3.0, 3.0, 3.0, 3.0)]                    // the third is not
    [InlineData(0.5, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0)]          // counting begins anew
    [InlineData(0.25, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0)]
    [InlineData(0.5, 3.0, 2.9999, 2.9998, 2.9997)]           // better by less than a ten-thousandth is not better
    [InlineData(1.0, 3.0, 2.99, 2.98, 2.97)]
    [InlineData(0.5, 3.0, double.NaN, double.NaN, double.NaN)]
    public void The_rate_halves_after_more_than_two_epochs_without_a_better_loss(double expected, params double[] losses) =>
        Assert.Equal(expected, new PlateauSchedule { Gamma = 0.5, Patience = 2 }.Factor(new SchedulePosition(0, 1, 1) { ValidationLosses = losses }));

    [Fact]
    public void After_a_reduction_the_cool_down_counts_no_epoch()
    {
        var schedule = new PlateauSchedule { Gamma = 0.5, Patience = 0, Cooldown = 2 };
        double[] expected = [1, 0.5, 0.5, 0.5, 0.25];
        Assert.Equal(expected, Enumerable.Range(1, 5).Select(epochs => schedule.Factor(new SchedulePosition(0, 1, 1) { ValidationLosses = [.. Enumerable.Repeat(1.0, epochs)] })));
    }

    [Fact]
    public void The_rate_does_not_fall_below_the_minimum() =>
        Assert.Equal(0.3, new PlateauSchedule { Gamma = 0.5, Patience = 0, Minimum = 0.3 }.Factor(new SchedulePosition(0, 1, 1) { ValidationLosses = [.. Enumerable.Repeat(1.0, 9)] }));
}
