namespace EoOnnx.Export.Checkpoints.Detection;

/// <summary>What a set of weights looks like. Sizes come from the shapes of the tensors; null where a family has no such size.</summary>
public sealed record DetectedModel
{
    /// <summary>The family: <c>dofa</c>, <c>prithvi</c>, <c>terramind</c>, <c>presto</c>, <c>scalemae</c>,
    /// <c>vit</c>, <c>resnet</c>, <c>swin</c>; or <c>adapter</c> for LoRA, DoRA or IA3 weights without their base.</summary>
    public required string Family { get; init; }

    /// <summary>The closest official variant; null when the family has none.</summary>
    public string? Variant { get; init; }

    /// <summary>True when depth, width and patch are the variant's own; false when it is only the closest.</summary>
    public bool IsOfficialSize { get; init; }

    /// <summary>Version of the architecture, for families that have several; null for others.</summary>
    public int? Version { get; init; }

    /// <summary>What stands in front of the encoder's names in the file.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Number of blocks.</summary>
    public int? Depth { get; init; }

    /// <summary>Width of a token, or channels of the first stage of a convolutional network.</summary>
    public int? Width { get; init; }

    /// <summary>Patch edge in pixels.</summary>
    public int? Patch { get; init; }

    /// <summary>Input channels; null where any number fits.</summary>
    public int? Channels { get; init; }

    /// <summary>Positions of the position table, without the class token.</summary>
    public int? Positions { get; init; }

    /// <summary>Attention heads, where the weights tell them.</summary>
    public int? Heads { get; init; }

    /// <summary>Coordinates that the model takes beside the image: <c>time</c>, <c>location</c>.</summary>
    public IReadOnlyList<string>? Coordinates { get; init; }

    /// <summary>Modalities of a multi-modal encoder, by their keys in the file.</summary>
    public IReadOnlyList<string>? Modalities { get; init; }

    /// <summary>Rank of LoRA matrices in the file.</summary>
    public int? AdapterRank { get; init; }

    /// <summary>Classes of a classification head in the file.</summary>
    public int? HeadClasses { get; init; }
}

/// <summary>A whole task of TerraTorch, as its Lightning checkpoint describes it.</summary>
public sealed record DetectedTask
{
    /// <summary>The kind of task, for example <c>segmentation</c>.</summary>
    public string? Task { get; init; }

    /// <summary>The factory that built the model, for example <c>EncoderDecoderFactory</c>.</summary>
    public string? Factory { get; init; }

    /// <summary>Name of the backbone.</summary>
    public string? Backbone { get; init; }

    /// <summary>Names of the necks, in order.</summary>
    public IReadOnlyList<string> Necks { get; init; } = [];

    /// <summary>Name of the decoder.</summary>
    public string? Decoder { get; init; }

    /// <summary>Number of classes.</summary>
    public int? Classes { get; init; }

    /// <summary>Names of the classes; empty when the checkpoint has none.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>Names of the bands, of each modality one after the other; empty when the checkpoint has none.</summary>
    public IReadOnlyList<string> Bands { get; init; } = [];

    /// <summary>Method of the adapter, for example <c>LORA</c>; null when the whole model was trained.</summary>
    public string? AdapterMethod { get; init; }

    /// <summary>The loss it was trained with.</summary>
    public string? Loss { get; init; }
}
