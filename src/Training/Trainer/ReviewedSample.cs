namespace EoOnnx.Training.Trainer;

/// <summary>A held-out sample with what was predicted for it.</summary>
/// <param name="Name">Name of its chip.</param>
/// <param name="Score">Share of its labels that was predicted right; for values the root of their mean squared error.</param>
/// <param name="Image">The first input, standardised, as <paramref name="Shape"/> says.</param>
/// <param name="Shape">Extents of <paramref name="Image"/>; [band, row, column] for a picture.</param>
/// <param name="Truth">True classes or values, one a pixel or label or a single one; NaN where there is none.</param>
/// <param name="Predicted">Predicted classes, values, or probabilities of labels.</param>
internal sealed record ReviewedSample(string Name, double Score, float[] Image, IReadOnlyList<int> Shape, float[] Truth, float[] Predicted)
{
    /// <summary>True when the input is an image and not a series or a vector.</summary>
    public bool HasPicture => Shape.Count == 3;

    /// <summary>True when every pixel has a true and a predicted class or value.</summary>
    public bool IsMap => HasPicture && Truth.Length == Shape[1] * Shape[2];
}
