namespace EoOnnx.Training.Data;

/// <summary>How label values become targets of a regression.</summary>
public sealed record ValueLabels
{
    /// <summary>The value that means "not labelled" in the files, in the training graph and in the metrics; null when every pixel is labelled, NaN when missing labels stay missing.</summary>
    public float? Ignored { get; init; }

    /// <summary>Further stored values that mean "not labelled".</summary>
    public IReadOnlyList<float> Missing { get; init; } = [];

    /// <summary>Factor applied to every labelled value.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Converts labels.</summary>
    /// <param name="stored">Values as stored; NaN is not labelled.</param>
    /// <param name="values">Receives targets.</param>
    /// <param name="chip">Named in messages.</param>
    /// <exception cref="TrainingDataException">A pixel is not labelled and there is no value to say so.</exception>
    public void Convert(ReadOnlySpan<float> stored, Span<float> values, string chip)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, stored.Length);
        for (var i = 0; i < stored.Length; i++)
        {
            values[i] = !float.IsNaN(stored[i]) && stored[i] != Ignored && !Missing.Contains(stored[i]) ? stored[i] * Scale : Ignored ?? throw new TrainingDataException(
                $"The labels of '{chip}' have missing values, and no label value means \"not labelled\". Set one (ValueLabels.Ignored), for example -1.");
        }
    }
}
