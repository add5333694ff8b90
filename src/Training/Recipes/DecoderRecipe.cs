namespace EoOnnx.Training.Recipes;

/// <summary>Decoders of a recipe.</summary>
public enum DecoderName
{
    /// <summary>One linear map a token.</summary>
    Linear,

    /// <summary>A small convolutional decoder.</summary>
    Conv,
}

/// <summary>What stands behind the encoder of a recipe.</summary>
public sealed record DecoderRecipe
{
    /// <summary>The decoder.</summary>
    public DecoderName Name { get; init; } = DecoderName.Conv;

    /// <summary>Channels of the convolutional decoder's first stage.</summary>
    public int Channels { get; init; } = 64;

    /// <summary>How often the convolutional decoder doubles the resolution.</summary>
    public int Stages { get; init; } = 2;
}
