namespace EoOnnx.Training.Recipes;

/// <summary>The labelled chips of a recipe, and what becomes of them.</summary>
public sealed record DataRecipe
{
    /// <summary>Folder of the data set.</summary>
    public required string Folder { get; init; }

    /// <summary>Folder of the labels, when they do not lie below <see cref="Folder"/>.</summary>
    public string? LabelFolder { get; init; }

    /// <summary>Which files are images.</summary>
    public string? Images { get; init; }

    /// <summary>Which files are labels.</summary>
    public string? Labels { get; init; }

    /// <summary>1-based bands in the model's order; null takes all in file order.</summary>
    public IReadOnlyList<int>? Bands { get; init; }

    /// <summary>The classes, in order of the prediction's channels.</summary>
    public required IReadOnlyList<ClassRecipe> Classes { get; init; }

    /// <summary>Label values that mean "not labelled", besides missing ones.</summary>
    public IReadOnlyList<int> Ignored { get; init; } = [-1, 255];

    /// <summary>Share of the chips that is held out, unless <see cref="HoldOut"/> names them.</summary>
    public double ValidationShare
    {
        get;
        init => field = value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(ValidationShare), value, "The share of held-out chips must be over 0 and under 1; 0.2 is usual.");
    } = 0.2;

    /// <summary>Names of the chips that are held out; empty draws a share.</summary>
    public IReadOnlyList<string> HoldOut { get; init; } = [];

    /// <summary>Where mean and deviation of the bands come from.</summary>
    public StatisticsSource Statistics { get; init; }

    /// <summary>Random flips, rotations and crops.</summary>
    public bool Augment { get; init; } = true;
}

/// <summary>Where mean and deviation of the bands come from.</summary>
public enum StatisticsSource
{
    /// <summary>The model's when it has any, else the training chips'.</summary>
    Auto,

    /// <summary>The model's manifest.</summary>
    Model,

    /// <summary>The training chips.</summary>
    Data,
}
