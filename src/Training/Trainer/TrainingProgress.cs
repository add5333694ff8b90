using EoOnnx.Training.Features;
using EoOnnx.Training.Memory;

namespace EoOnnx.Training.Trainer;

/// <summary>What a run is doing.</summary>
public enum TrainingStage
{
    /// <summary>Gradients, graphs and sessions are being made.</summary>
    Compiling,

    /// <summary>It is decided what is kept in memory: <see cref="TrainingProgress.Plan"/> is set.</summary>
    Planned,

    /// <summary>The frozen part of the model runs over the samples, once.</summary>
    Caching,

    /// <summary>Steps.</summary>
    Training,

    /// <summary>Held-out chips.</summary>
    Validating,

    /// <summary>Held-out chips once more, with the parameters that are saved.</summary>
    Reviewing,

    /// <summary>An epoch has ended: <see cref="TrainingProgress.Validation"/> is set.</summary>
    EpochDone,
}

/// <summary>A run's figures of the moment.</summary>
public sealed record TrainingProgress
{
    /// <summary>What is being done.</summary>
    public required TrainingStage Stage { get; init; }

    /// <summary>The epoch, from 1.</summary>
    public int Epoch { get; init; }

    /// <summary>Epochs of the run.</summary>
    public int Epochs { get; init; }

    /// <summary>Share of the whole run that is done; of the validation while validating.</summary>
    public double Fraction { get; init; }

    /// <summary>Mean training loss of the epoch so far.</summary>
    public double Loss { get; init; }

    /// <summary>Images a second since the start.</summary>
    public double ImagesPerSecond { get; init; }

    /// <summary>Estimated time to the end of the run.</summary>
    public TimeSpan Remaining { get; init; }

    /// <summary>Share of the time in which the trainer waited for data.</summary>
    public double WaitingShare { get; init; }

    /// <summary>What is kept of the frozen part of the model; set with <see cref="Plan"/>.</summary>
    public FeatureCacheReport? Features { get; init; }

    /// <summary>What is kept in memory and what is computed again.</summary>
    public MemoryPlan? Plan { get; init; }

    /// <summary>Figures of the epoch that has just ended.</summary>
    public ValidationReport? Validation { get; init; }
}
