using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>How chips become samples of the model's tile size. Exactly one of <see cref="Classes"/>, <see cref="Values"/> and <see cref="Scene"/> is set.</summary>
public sealed record SampleOptions
{
    /// <summary>Side of a sample in pixels, or its height where <see cref="TileWidth"/> says something else. Larger chips are cut into tiles (or to their centre, when whole chips are labelled); smaller ones are padded with the channel mean and ignored labels.</summary>
    public required int Tile { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Tile), value, "The tile must have at least 1 pixel."); }

    /// <summary>Width of samples that are not square; null for squares.</summary>
    public int? TileWidth { get; init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(TileWidth), value, "The tile must have at least 1 pixel."); }

    /// <summary>Size of a sample.</summary>
    public PixelSize TileSize => new(TileWidth ?? Tile, Tile);

    /// <summary>Scale, offset and statistics by channel, as the model expects them.</summary>
    public required IReadOnlyList<ChannelScaling> Scaling { get; init; }

    /// <summary>Labels are classes.</summary>
    public ClassLabels? Classes { get; init; }

    /// <summary>Labels are numbers.</summary>
    public ValueLabels? Values { get; init; }

    /// <summary>Labels belong to whole chips: a sample is the centre of a chip, or a random crop of it in training.</summary>
    public SceneLabels? Scene { get; init; }

    /// <summary>Names of the model's inputs and how many bands of a chip each takes, one after the other; empty is a single input with all bands.</summary>
    public IReadOnlyList<(string Name, int Bands)> Inputs { get; init; } = [];

    /// <summary>Inputs that are not images, such as dates and places; with them, <see cref="Inputs"/> names every image.</summary>
    public IReadOnlyList<ChipValues> Further { get; init; } = [];

    /// <summary>Random changes of training samples.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.Standard;
}
