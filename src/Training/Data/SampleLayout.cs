using EoOnnx.Formats;

namespace EoOnnx.Training.Data;

/// <summary>An input of every sample: an image, a modality, a time series, a place.</summary>
/// <param name="Name">Name of the model's input; a set with a single input feeds the model's single one, whatever their names.</param>
/// <param name="Type"><see cref="ElementType.Float"/> or <see cref="ElementType.Int64"/>.</param>
/// <param name="Shape">Extents of one sample, without the batch.</param>
public sealed record SampleInput(string Name, ElementType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Element type.</summary>
    public ElementType Type { get; init; } = Type is ElementType.Float or ElementType.Int64 ? Type
        : throw new ArgumentOutOfRangeException(nameof(Type), Type, $"The input {Name} must be Float or Int64.");

    /// <summary>Elements of one sample.</summary>
    public int Length { get; } = checked((int)TensorData.CountOf([.. Shape]));

    /// <summary>Whether NaN means "not known", as of dates and places; the input is no image.</summary>
    public bool MayBeMissing { get; init; }
}

/// <summary>The target of every sample.</summary>
/// <param name="Shape">Extents of one sample: [rows, columns] of classes, [1, rows, columns] of values, [] of a scene's class, [n] of a scene's values.</param>
/// <param name="Classes">Number of classes when the target is class numbers; 0 when it is values.</param>
/// <param name="IgnoreIndex">Class number that means "not labelled"; of values NaN means it.</param>
public sealed record SampleTarget(IReadOnlyList<long> Shape, int Classes = 0, int IgnoreIndex = -1)
{
    /// <summary>Elements of one sample.</summary>
    public int Length { get; } = checked((int)TensorData.CountOf([.. Shape]));

    /// <summary>True for class numbers, false for values.</summary>
    public bool HasClasses => Classes > 0;
}
