namespace EoOnnx.Training.Data;

/// <summary>What is known of whole chips: one class each, or one or more values.</summary>
public sealed record SceneLabels
{
    /// <summary>Labels by the name of the chip: one class number, or <see cref="Width"/> values; NaN is not labelled.</summary>
    public required IReadOnlyDictionary<string, float[]> ByChip { get; init; }

    /// <summary>Number of classes; 0 when labels are values.</summary>
    public int Classes { get; init; }

    /// <summary>Values of a chip.</summary>
    public int Width { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Width), value, "A chip has at least one value."); } = 1;

    /// <summary>Class number of a chip without a label.</summary>
    public int IgnoreIndex { get; init; } = -1;

    internal SampleTarget Target => Classes > 0 ? new SampleTarget([], Classes, IgnoreIndex) : new SampleTarget([Width]);

    /// <summary>Writes the label of a chip.</summary>
    /// <exception cref="TrainingDataException">The chip has none.</exception>
    internal void Read(string chip, Span<int> classes, Span<float> values)
    {
        var label = ByChip.TryGetValue(chip, out var found) ? found : throw new TrainingDataException(
            $"The chip '{chip}' has no label; there are labels for {ByChip.Count} chips, the first '{ByChip.Keys.Order(StringComparer.Ordinal).FirstOrDefault()}'. Add it to the table, or remove the chip.");
        if (Classes > 0)
        {
            classes[0] = float.IsNaN(label[0]) ? IgnoreIndex : (int)label[0];
        }
        else
        {
            label.CopyTo(values);
        }
    }
}
