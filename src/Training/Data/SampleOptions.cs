using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>How chips become samples of the model's tile size. Exactly one of <see cref="Classes"/> and <see cref="Values"/> is set.</summary>
public sealed record SampleOptions
{
    /// <summary>Side of a sample in pixels. Larger chips are cut into tiles; smaller ones are padded with the channel mean and ignored labels.</summary>
    public required int Tile { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Tile), value, "The tile must have at least 1 pixel."); }

    /// <summary>Scale, offset and statistics by channel, as the model expects them.</summary>
    public required IReadOnlyList<ChannelScaling> Scaling { get; init; }

    /// <summary>Labels are classes.</summary>
    public ClassLabels? Classes { get; init; }

    /// <summary>Labels are numbers.</summary>
    public ValueLabels? Values { get; init; }

    /// <summary>Random changes of training samples.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.Standard;
}
