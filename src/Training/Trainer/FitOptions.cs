using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Trainer.Schedules;

namespace EoOnnx.Training.Trainer;

/// <summary>Which validation figure decides on the best epoch.</summary>
public enum BestBy
{
    /// <summary>The lowest loss.</summary>
    Loss,

    /// <summary>The highest mean intersection over union; for a regression the lowest RMSE.</summary>
    Score,
}

/// <summary>Whose parameters a run saves.</summary>
public enum KeptEpoch
{
    /// <summary>Those of the epoch with the best validation figure.</summary>
    Best,

    /// <summary>Those of the last epoch: where so few samples are held out that the best figure among many epochs is luck.</summary>
    Last,
}

/// <summary>How long and how a model is trained, and where the run is kept.</summary>
public sealed record FitOptions
{
    /// <summary>Passes over the training chips.</summary>
    public int Epochs { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Epochs), value, "There must be at least 1 epoch."); } = 10;

    /// <summary>Folder for checkpoint, adapter, model and report; null keeps the result in memory only.</summary>
    public string? Folder { get; init; }

    /// <summary>Optimizer steps between two checkpoints; 0 writes one at the end of each epoch only. Needs <see cref="Folder"/>.</summary>
    public int CheckpointEvery { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(CheckpointEvery), value, "Steps between checkpoints cannot be negative; 0 writes one an epoch."); }

    /// <summary>Go on from the checkpoint in <see cref="Folder"/> when there is one. The result is bit for bit that of an uninterrupted run.</summary>
    public bool Resume { get; init; }

    /// <summary>Threads of one operator; 0 takes the machine's physical cores. The adapter's bits depend on it.</summary>
    public int Threads { get; init => field = value is >= 0 and <= 1024 ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, "Threads must be 0 (all physical cores) to 1024."); }

    /// <summary>Keep a packed copy of the frozen weights beside the mapped ones: about a tenth faster, twice the memory of the weights.</summary>
    public bool PackWeights { get; init; } = true;

    /// <summary>Samples of a batch that go through the model together; null chooses by the size of the values.</summary>
    internal int? Part { get; init; }

    /// <summary>The most memory that the run may take, in bytes; what is computed again and whether weights are packed follows from it. Null sets
    /// no limit: the fastest way up to an expected 1.65 GB, beyond that one a few per cent slower that computes cheap values again and, if need be, does not pack weights.</summary>
    public long? MemoryBudget { get; init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(MemoryBudget), value, "A run needs some memory; leave the budget out to set no limit."); }

    /// <summary>Whether the outputs of the frozen part of the model are computed once and kept.</summary>
    public FeatureCacheOptions Features { get; init; } = new();

    /// <summary>How the learning rate changes.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Constant;

    /// <summary>Figure that decides on the best epoch.</summary>
    public BestBy BestBy { get; init; } = BestBy.Score;

    /// <summary>Whose parameters are saved. <see cref="Patience"/> counts from the best epoch in any case.</summary>
    public KeptEpoch Keep { get; init; } = KeptEpoch.Best;

    /// <summary>Validations in a row without a better figure after which the run ends; null never ends early.</summary>
    public int? Patience { get; init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Patience), value, "Patience is at least 1 validation; leave it out to train all epochs."); }

    /// <summary>Parameter groups, clipping and accumulation.</summary>
    public TrainingGraphOptions Graph { get; init; } = new();

    /// <summary>Learning rate of each group of <see cref="TrainingGraphOptions.Groups"/> by name; the optimizer's for those that are not listed.</summary>
    public IReadOnlyDictionary<string, double> LearningRates { get; init; } = new Dictionary<string, double>();

    /// <summary>Where the chips of each part lie, for the folder and the report; null when it is not known.</summary>
    public SplitMap? SplitMap { get; init; }

    /// <summary>Measures what plain rules reach on the held-out chips, by name, for the report; called when training is done.</summary>
    public Func<CancellationToken, Task<IReadOnlyDictionary<string, ValidationReport>>>? Baselines { get; init; }

    /// <summary>How the run came about, as JSON; kept in the adapter, and a checkpoint of another recipe is refused.</summary>
    public string? RecipeJson { get; init; }
}
