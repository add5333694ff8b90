using EoOnnx.Export.Architectures;

namespace EoOnnx.Export.TerraTorch;

/// <summary>How a TerraTorch task is exported.</summary>
public sealed record TerraTorchOptions
{
    /// <summary>True leaves out the softmax (or, for several labels, the sigmoid) at the end.</summary>
    public bool Raw { get; init; }

    /// <summary>Edge of the input in pixels; null takes the size that the task was made for.</summary>
    public int? Tile
    {
        get;
        init => field = value is null or (>= 8 and <= 4096) ? value
            : throw new ArgumentOutOfRangeException(nameof(Tile), value, "The input must be 8 to 4096 pixels wide; 224 is usual.");
    }

    /// <summary>Width of the input in pixels where it is not square; null takes <see cref="Tile"/>, which then is its height.</summary>
    public int? TileWidth
    {
        get;
        init => field = value is null or (>= 8 and <= 4096) ? value
            : throw new ArgumentOutOfRangeException(nameof(TileWidth), value, "The input must be 8 to 4096 pixels wide; null is as wide as high.");
    }

    /// <summary>Attention heads of the backbone, which shapes cannot tell; null takes what the task or the variant says.</summary>
    public int? Heads
    {
        get;
        init => field = value is null or > 0 ? value
            : throw new ArgumentOutOfRangeException(nameof(Heads), value, "A model has at least one attention head.");
    }

    /// <summary>How the backbone's attention is written.</summary>
    public AttentionForm Attention { get; init; }

    /// <summary>Means of the bands in the unit of the stored values; null takes the backbone's, where they are known.</summary>
    public IReadOnlyList<double>? Means { get; init; }

    /// <summary>Standard deviations of the bands, likewise.</summary>
    public IReadOnlyList<double>? Deviations { get; init; }

    /// <summary>Names of the classes in the order of the channels; null takes the task's, where it has any.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>Licence of the weights, as an SPDX identifier; null when it is not known.</summary>
    public string? Licence { get; init; }
}
