using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Features;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Recipes;

/// <summary>Length and portions of a recipe's run.</summary>
public sealed record RunRecipe
{
    /// <summary>Passes over the training chips.</summary>
    public int Epochs { get; init; } = 20;

    /// <summary>Samples of a batch; where their values are large and the loss is a mean, some at a time go through the model.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Seed of initial values, split, shuffling and augmentation.</summary>
    public long Seed { get; init; }

    /// <summary>Threads of one operator; 0 takes the machine's physical cores.</summary>
    public int Threads { get; init; }

    /// <summary>The most memory that the run may take, for example <c>2GB</c>; null sets no limit, see <see cref="Trainer.FitOptions.MemoryBudget"/>.</summary>
    public string? Memory { get; init => field = value is null || MemorySize.Parse(value).Bytes > 0 ? value : null; }

    /// <summary>How the forward pass of a step multiplies with frozen weights.</summary>
    public FrozenBase Base { get; init; }

    /// <summary>Whether the outputs of the frozen part of the model are computed once and kept.</summary>
    public FeatureCaching CacheFeatures { get; init; }

    /// <summary>Folder of features on disk, which any number of runs may share; null takes <c>features</c> in the run's folder.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>How features are stored; null takes float32 in memory and bfloat16 on disk.</summary>
    public FeaturePrecision? CachePrecision { get; init; }

    /// <summary>Figure that decides on the best epoch.</summary>
    public BestBy BestBy { get; init; } = BestBy.Score;

    /// <summary>Whose parameters are saved: those of the best epoch, or those of the last.</summary>
    public KeptEpoch Keep { get; init; } = KeptEpoch.Best;

    /// <summary>Validations without a better figure after which the run ends; null never ends early.</summary>
    public int? Patience { get; init; }
}
