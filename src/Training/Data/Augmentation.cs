namespace EoOnnx.Training.Data;

/// <summary>Random changes of training samples; an image and its labels always change alike. Drawn from (seed, epoch, sample), so independent of threads.</summary>
public sealed record Augmentation
{
    /// <summary>Nothing is changed.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>All eight flips and rotations, and crops at random positions.</summary>
    public static Augmentation Standard { get; } = new() { FlipsAndRotations = true, RandomCrop = true };

    /// <summary>One of the eight symmetries of the square, all equally likely; one of four where samples are not square: what turns rows into columns is left out.</summary>
    public bool FlipsAndRotations { get; init; }

    /// <summary>Chips that are larger than a tile are cut at a random position instead of a fixed grid.</summary>
    public bool RandomCrop { get; init; }

    /// <summary>Standard deviation of Gaussian noise that is added to every standardised value; 0 adds none.</summary>
    public float Noise { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Noise), value, "Noise cannot be negative; 0.05 is mild."); }

    /// <summary>Each channel's standardised values are multiplied by a number from 1 − this to 1 + this; 0 leaves them.</summary>
    public float ScaleJitter { get; init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(ScaleJitter), value, "Scale jitter must be at least 0 and below 1."); }

    /// <summary>Probability that a channel is replaced by its mean.</summary>
    public float BandDrop { get; init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(BandDrop), value, "The probability to drop a band must be at least 0 and below 1."); }
}
