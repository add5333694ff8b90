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
}

/// <summary>The objective of a recipe.</summary>
public sealed record LossRecipe
{
    /// <summary>The loss.</summary>
    public LossName Name { get; init; }

    /// <summary>How cross-entropy weights the classes.</summary>
    public ClassWeighting ClassWeights { get; init; }
}
