using System.Globalization;
using EoOnnx.Cli.Verbs;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Cli;

/// <summary>How a training run is shown: only steps and ended epochs have figures.</summary>
internal static class TrainingStep
{
    /// <summary>A stage of the run, with lines of its own.</summary>
    public static Step Of(TrainingProgress now) => now.Stage switch
    {
        TrainingStage.Compiling => new Step("compiling"),
        TrainingStage.Planned => new Step("memory plan", null, string.Join("; ", new[] { MemoryPlanTable.Line(now.Plan!), FeatureCacheLine.Plan(now.Features) }.OfType<string>())),
        TrainingStage.Caching => new Step("features of the frozen part", now.Fraction),
        TrainingStage.Validating => new Step($"epoch {now.Epoch} validation", now.Fraction),
        TrainingStage.Reviewing => new Step("calibration", now.Fraction),
        TrainingStage.EpochDone => new Step(
            $"epoch {now.Epoch} of {now.Epochs}", null, string.Create(CultureInfo.InvariantCulture, $"loss {now.Loss:F4}, validation loss {now.Validation!.Loss:F4}, {now.Validation.ScoreName} {now.Validation.Score:F4}")),
        _ => new Step("training", now.Fraction, $"{Figures(now)}{string.Create(CultureInfo.InvariantCulture, $"  {now.Remaining:hh\\:mm\\:ss} left  waiting {now.WaitingShare * 100:F1} %")}") { Waiting = now.WaitingShare },
    };

    /// <summary>A run that is one stage among others.</summary>
    /// <param name="stage">Name of that stage.</param>
    /// <param name="now">The run; its validation has a share of its own, which is not the run's.</param>
    public static Step Within(string stage, TrainingProgress now) => now.Stage is TrainingStage.Training or TrainingStage.EpochDone
        ? new Step(stage, now.Fraction, Figures(now))
        : new Step(stage, now.Stage == TrainingStage.Reviewing ? 1 : null, Of(now).Stage);

    private static string Figures(TrainingProgress now) => string.Create(
        CultureInfo.InvariantCulture, $"epoch {now.Epoch}/{now.Epochs}  loss {now.Loss:F4}  {now.ImagesPerSecond:F1} img/s");
}
