namespace EoOnnx.Training.Data;

/// <summary>What an input other than images is given for each chip, such as its date or place.</summary>
/// <param name="Layout">Name and shape of the input.</param>
/// <param name="ByChip">The values of each chip, in the order of the source's chips; NaN is not known.</param>
public sealed record ChipValues(SampleInput Layout, IReadOnlyList<float[]> ByChip);
