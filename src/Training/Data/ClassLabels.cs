using System.Globalization;

namespace EoOnnx.Training.Data;

/// <summary>How label values become classes 0 … C − 1 and the one value that means "not labelled".</summary>
public sealed record ClassLabels
{
    /// <summary>Number of classes.</summary>
    public required int Classes { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Classes), value, "There must be at least 1 class."); }

    /// <summary>What "not labelled" is called in the training graph and in the metrics; must not be a class.</summary>
    public int IgnoreIndex { get; init; } = 255;

    /// <summary>Stored values that mean "not labelled", besides missing ones. A value that is a class (or is mapped to one) stays a class.</summary>
    public IReadOnlyList<int> Ignored { get; init; } = [-1, 255];

    /// <summary>Class by stored value; stored values that are not listed mean themselves.</summary>
    public IReadOnlyDictionary<int, int>? Map { get; init; }

    /// <summary>Stored values that are neither in <see cref="Map"/> nor ignored are refused instead of meaning themselves.</summary>
    public bool OnlyMapped { get; init; }

    /// <summary>Subtract 1 from every stored value and ignore 0, as data sets with classes 1 … C and 0 for "no label" need.</summary>
    public bool ReduceZeroLabel { get; init; }

    /// <summary>Converts labels.</summary>
    /// <param name="stored">Values as stored; NaN is not labelled.</param>
    /// <param name="classes">Receives classes and <see cref="IgnoreIndex"/>.</param>
    /// <param name="chip">Named in messages.</param>
    /// <exception cref="TrainingDataException">A value is neither a class nor ignored.</exception>
    public void Convert(ReadOnlySpan<float> stored, Span<int> classes, string chip)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(classes.Length, stored.Length);
        var (previous, previousClass) = (float.NaN, IgnoreIndex);
        for (var i = 0; i < stored.Length; i++)
        {
            if (stored[i] != previous)
            {
                (previous, previousClass) = (stored[i], ClassOf(stored[i], chip));
            }

            classes[i] = previousClass;
        }
    }

    private int ClassOf(float stored, string chip)
    {
        if (float.IsNaN(stored))
        {
            return IgnoreIndex;
        }

        var value = (int)stored;
        if (value == stored)
        {
            if (Map?.TryGetValue(value, out var mapped) == true)
            {
                return mapped == IgnoreIndex || (mapped >= 0 && mapped < Classes) ? mapped : throw NotAClass(stored, chip, $" It is mapped to {mapped}.");
            }

            var reduced = ReduceZeroLabel ? value - 1 : value;
            if (!OnlyMapped && reduced >= 0 && reduced < Classes && reduced != IgnoreIndex)
            {
                return reduced;
            }

            if (Ignored.Contains(value) || value == IgnoreIndex || (ReduceZeroLabel && value == 0))
            {
                return IgnoreIndex;
            }
        }

        throw NotAClass(stored, chip, "");
    }

    private TrainingDataException NotAClass(float stored, string chip, string detail) => new(string.Create(CultureInfo.InvariantCulture,
        $"The labels of '{chip}' hold the value {stored}; expected {(OnlyMapped ? string.Join(", ", Map?.Keys.Order() ?? Enumerable.Empty<int>()) : ReduceZeroLabel ? $"1 to {Classes}" : $"0 to {Classes - 1}")}{(Map is null || OnlyMapped ? "" : ", a mapped value")} or an ignored one ({string.Join(", ", Ignored)}).{detail} ") +
        "Map it to a class, add it to the ignored values, or raise the number of classes.");
}
