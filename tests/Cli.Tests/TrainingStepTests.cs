using EoOnnx.Training.Trainer;

namespace EoOnnx.Cli.Tests;

/// <summary>What is shown of a training run.</summary>
public class TrainingStepTests
{
    [Theory]
    [InlineData(TrainingStage.Compiling, "compiling")]
    [InlineData(TrainingStage.Caching, "features of the frozen part")]
    [InlineData(TrainingStage.Validating, "epoch 2 validation")]
    [InlineData(TrainingStage.Reviewing, "calibration")]
    public void A_stage_that_makes_no_step_shows_neither_loss_nor_rate(TrainingStage stage, string name)
    {
        var now = new TrainingProgress { Stage = stage, Epoch = 2, Epochs = 2, Fraction = 0.5 };
        Assert.Equal(new Step(name, stage == TrainingStage.Compiling ? null : 0.5), TrainingStep.Of(now));
        Assert.Equal(new Step("LoRA", stage == TrainingStage.Reviewing ? 1 : null, name), TrainingStep.Within("LoRA", now));
    }

    [Fact]
    public void Steps_and_ended_epochs_show_their_figures()
    {
        var now = new TrainingProgress { Stage = TrainingStage.Training, Epoch = 1, Epochs = 2, Fraction = 0.25, Loss = 0.5, ImagesPerSecond = 12.34, Remaining = TimeSpan.FromSeconds(75), WaitingShare = 0.01 };
        Assert.Equal(new Step("training", 0.25, "epoch 1/2  loss 0.5000  12.3 img/s  00:01:15 left  waiting 1.0 %") { Waiting = 0.01 }, TrainingStep.Of(now));
        Assert.Equal(new Step("LoRA", 0.25, "epoch 1/2  loss 0.5000  12.3 img/s"), TrainingStep.Within("LoRA", now));
        Assert.Equal(new Step("LoRA", 0.5, "epoch 1/2  loss 0.5000  12.3 img/s"), TrainingStep.Within("LoRA", now with { Stage = TrainingStage.EpochDone, Fraction = 0.5 }));
    }
}
