namespace EoOnnx.Training.Data;

/// <summary>The images of a chip and the file with its labels.</summary>
/// <param name="Name">What the names of the files have in common; unique within a folder.</param>
/// <param name="Image">Path of the image.</param>
/// <param name="Label">Path of the labels; null when the label of the whole chip stands elsewhere.</param>
public sealed record ChipFile(string Name, string Image, string? Label)
{
    /// <summary>Paths of further images on the same grid, whose bands follow: further dates or modalities.</summary>
    public IReadOnlyList<string> MoreImages { get; init; } = [];

    /// <summary>Whether the chip is held out by its folder or by a split file.</summary>
    public bool HeldOut { get; init; }

    /// <summary>Name in its own folder, which the labels of whole chips go by.</summary>
    internal string OwnName { get; init; } = Name;
}
