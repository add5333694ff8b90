namespace EoOnnx.Training.Recipes;

/// <summary>Class weights of a recipe.</summary>
public enum ClassWeighting
{
    /// <summary>All classes alike.</summary>
    None,

    /// <summary>Inverse to the square root of the frequency.</summary>
    SquareRoot,

    /// <summary>Inverse to the frequency.</summary>
    Balanced,
}

/// <summary>Losses of a recipe.</summary>
public enum LossName
{
    /// <summary>Cross-entropy.</summary>
    Ce,

    /// <summary>Dice.</summary>
    Dice,

    /// <summary>Cross-entropy and Dice, added.</summary>
    CeDice,

    /// <summary>Jaccard.</summary>
    Jaccard,

    /// <summary>Focal.</summary>
    Focal,

    /// <summary>Lovász-softmax.</summary>
    Lovasz,

    /// <summary>Binary cross-entropy of several labels.</summary>
    Bce,

    /// <summary>Binary cross-entropy with as much weight on present labels together as on absent ones.</summary>
    BalancedBce,

    /// <summary>Mean squared error.</summary>
    Mse,

    /// <summary>Root of the mean squared error.</summary>
    Rmse,

    /// <summary>Mean absolute error.</summary>
    Mae,

    /// <summary>Huber.</summary>
    Huber,
}

/// <summary>A loss among those that are added.</summary>
public sealed record LossPartRecipe
{
    /// <summary>The loss.</summary>
    public required LossName Name { get; init; }

    /// <summary>Its factor.</summary>
    public double Weight { get; init => field = value is > 0 and <= double.MaxValue ? value : throw new ArgumentOutOfRangeException(nameof(Weight), value, "The factor of a loss must be above 0; 1 leaves it as it is."); } = 1;
}

/// <summary>The objective of a recipe.</summary>
public sealed record LossRecipe
{
    /// <summary>The loss; null takes the usual one of the task: cross-entropy, binary cross-entropy or mean squared error.</summary>
    public LossName? Name { get; init; }

    /// <summary>Losses that are added instead, each times its weight; the weights are not normalised. Empty takes <see cref="Name"/>.</summary>
    public IReadOnlyList<LossPartRecipe> Parts { get; init; } = [];

    /// <summary>How cross-entropy weights the classes.</summary>
    public ClassWeighting ClassWeights { get; init; }

    /// <summary>Weights of the classes in the cross-entropy, one a class; empty takes what <see cref="ClassWeights"/> says.</summary>
    public IReadOnlyList<double> Weights { get; init; } = [];

    /// <summary>Standardise the targets of a regression by mean and deviation of the training targets; the model's output stays in their unit.</summary>
    public bool StandardizeTarget { get; init; }
}
