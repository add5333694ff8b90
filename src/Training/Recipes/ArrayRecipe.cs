namespace EoOnnx.Training.Recipes;

/// <summary>Samples that are rows of <c>.npy</c> arrays instead of chips: pixel time series, tables, embeddings. Paths count from the data's folder.</summary>
public sealed record ArrayRecipe
{
    /// <summary>The arrays [samples, …] that feed the model, all of its inputs.</summary>
    public required IReadOnlyList<ArrayInputRecipe> Inputs { get; init; }

    /// <summary>The array of targets: [samples] of classes, or [samples, n] (or [samples]) of values.</summary>
    public required string Target { get; init; }

    /// <summary>An array of texts or whole numbers that names the samples; null numbers them.</summary>
    public string? Names { get; init; }

    /// <summary>Samples that meet all of these are kept for the final test: never trained on, never used to choose an epoch.</summary>
    public IReadOnlyList<ArrayCondition> Test { get; init; } = [];

    /// <summary>Of the other samples, those that meet all of these are held out for validation; none draws a share.</summary>
    public IReadOnlyList<ArrayCondition> Validation { get; init; } = [];
}

/// <summary>An array that feeds an input of the model.</summary>
public sealed record ArrayInputRecipe
{
    /// <summary>Name of the model's input.</summary>
    public required string Name { get; init; }

    /// <summary>The <c>.npy</c> file.</summary>
    public required string File { get; init; }
}

/// <summary>A range that a sample's value must lie in; every given bound counts. A missing value (NaN) lies in no range.</summary>
public sealed record ArrayCondition
{
    /// <summary>The <c>.npy</c> file: [samples], or [samples, n] with <see cref="Column"/>.</summary>
    public required string Array { get; init; }

    /// <summary>Column of the array, from 0; null of an array of one axis.</summary>
    public int? Column { get; init => field = value is null or >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Column), value, "Columns count from 0."); }

    /// <summary>Smallest value, included.</summary>
    public double? Minimum { get; init; }

    /// <summary>Largest value, included.</summary>
    public double? Maximum { get; init; }

    /// <summary>The value is larger than this.</summary>
    public double? Above { get; init; }

    /// <summary>The value is smaller than this.</summary>
    public double? Below { get; init; }

    /// <summary>True when no bound is given.</summary>
    internal bool IsOpen => Minimum is null && Maximum is null && Above is null && Below is null;

    /// <summary>True for a value within all bounds.</summary>
    internal bool Holds(double value) => !(double.IsNaN(value) || value < Minimum || value > Maximum || value <= Above || value >= Below);
}
