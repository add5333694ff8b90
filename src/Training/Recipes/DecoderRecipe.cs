using System.Text.Json.Nodes;

namespace EoOnnx.Training.Recipes;

/// <summary>Decoders of a recipe.</summary>
public enum DecoderName
{
    /// <summary>One linear map a token, enlarged bilinearly; of a whole image, one linear map of the mean feature.</summary>
    Linear,

    /// <summary>A small convolutional decoder without normalisation.</summary>
    Conv,

    /// <summary>TerraTorch's FCN: blocks that double the size.</summary>
    Fcn,

    /// <summary>UperNet: pooling pyramid and feature pyramid.</summary>
    Upernet,

    /// <summary>U-Net.</summary>
    Unet,

    /// <summary>Atrous spatial pyramid pooling.</summary>
    Aspp,

    /// <summary>A linear layer over all features of a pixel, then an activation.</summary>
    Mlp,

    /// <summary>The last feature goes to the head unchanged.</summary>
    Identity,
}

/// <summary>What stands behind the encoder of a recipe: necks, decoder and head.</summary>
public sealed record DecoderRecipe
{
    /// <summary>The decoder.</summary>
    public DecoderName Name { get; init; } = DecoderName.Conv;

    /// <summary>Channels: one number, or for U-Net one a feature (of one number it takes the half at each feature). Null takes what is usual for the decoder.</summary>
    public IReadOnlyList<int>? Channels { get; init; }

    /// <summary>How often conv and FCN double the resolution; null takes 2 for conv, and what reaches the image's size for FCN.</summary>
    public int? Stages { get; init; }

    /// <summary>Steps between encoder and decoder under TerraTorch's names, for example <c>{name: SelectIndices, indices: [2, 5]}</c>; null takes what fits
    /// the encoder's features.</summary>
    public IReadOnlyList<JsonObject>? Necks { get; init; }

    /// <summary>Further arguments of the decoder under TerraTorch's names, for example <c>{pool_scales: [1, 2], attention_type: scse}</c>.</summary>
    public JsonObject? Arguments { get; init; }

    /// <summary>Arguments of the head under TerraTorch's names, for example <c>{dropout: 0.1, channel_list: [32]}</c>, or <c>dim_list</c> for a whole image.</summary>
    public JsonObject? Head { get; init; }

    /// <summary>Decoders on the same features whose losses are added in training.</summary>
    public IReadOnlyList<AuxiliaryRecipe> Auxiliary { get; init; } = [];
}

/// <summary>An auxiliary decoder of a recipe.</summary>
public sealed record AuxiliaryRecipe
{
    /// <summary>Name of the head, part of its tensors' names.</summary>
    public required string Name { get; init; }

    /// <summary>Factor of its loss.</summary>
    public double Weight { get; init; } = 0.4;

    /// <summary>The decoder; without necks and auxiliary decoders of its own.</summary>
    public DecoderRecipe Decoder { get; init; } = new() { Name = DecoderName.Linear };
}
