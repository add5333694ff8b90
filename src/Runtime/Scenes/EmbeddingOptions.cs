namespace EoOnnx.Runtime;

/// <summary>What a pixel of an embedding stands for.</summary>
public enum EmbeddingPool
{
    /// <summary>A patch of the encoder: one pixel for each token or cell of its feature map.</summary>
    Patches,

    /// <summary>A tile: the mean of its patches.</summary>
    Mean,

    /// <summary>A tile: its class token.</summary>
    Class,
}

/// <summary>How an embedding stores its numbers.</summary>
public enum EmbeddingStorage
{
    /// <summary>Single precision; nodata NaN.</summary>
    Single,

    /// <summary>Half precision, half the size; nodata NaN. Numbers beyond ±65504 become these.</summary>
    Half,

    /// <summary>One byte, a quarter of the size: value = byte · scale + offset with a scale and an offset for each band; nodata 255.
    /// The range of each band is found in a sample of tiles before the run; what lies outside is cut and counted.</summary>
    Byte,
}

/// <summary>How a scene becomes a raster of embeddings.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>What a pixel stands for. With one pixel a tile, tiles do not overlap.</summary>
    public EmbeddingPool Pool { get; init; }

    /// <summary>How numbers are stored.</summary>
    public EmbeddingStorage Storage { get; init; }
}
