namespace EoOnnx.Training.Data;

/// <summary>An image file and the file with its labels.</summary>
/// <param name="Name">What both names have in common; unique within a folder.</param>
/// <param name="Image">Path of the image.</param>
/// <param name="Label">Path of the labels.</param>
public sealed record ChipFile(string Name, string Image, string Label);
