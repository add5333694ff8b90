namespace EoOnnx.Raster.Tiling;

/// <summary>What stands behind the edge of a scene.</summary>
public enum EdgeMode
{
    /// <summary>The last tile is shifted back until it fits; no pixel is invented unless the scene is smaller than a tile.</summary>
    Shift,

    /// <summary>The scene is extended by half the overlap on every side by reflection, so that border pixels get full context.</summary>
    Reflect,
}

/// <summary>How neighbouring tiles share the pixels they both cover.</summary>
public enum BlendMode
{
    /// <summary>Each pixel comes from the tile that owns it.</summary>
    None,

    /// <summary>Weights fall linearly across the overlap.</summary>
    Linear,

    /// <summary>Weights fall as sin² across the overlap.</summary>
    Cosine,
}

/// <summary>How a scene is cut into tiles.</summary>
public sealed record TilePlanOptions
{
    /// <summary>Tile edge that the model takes, in pixels.</summary>
    public required int Tile { get; init; }

    /// <summary>Pixels that neighbouring tiles share: even, 0 to Tile / 2.</summary>
    public required int Overlap { get; init; }

    /// <summary>Patch edge of a transformer; tile and, for embeddings, stride must be multiples of it.</summary>
    public int Patch { get; init; } = 1;

    /// <summary>What stands behind the scene's edge.</summary>
    public EdgeMode Edge { get; init; }

    /// <summary>Align tile starts and ownership to multiples of <see cref="Patch"/>: one output pixel a patch.</summary>
    public bool AlignToPatch { get; init; }

    /// <summary>The overlap that suits a tile edge when nothing else is said: 2·ceil(tile / 14), 32 at 224.</summary>
    public static int DefaultOverlap(int tile) => 2 * ((tile + 13) / 14);

    /// <summary>Checks the numbers against each other.</summary>
    /// <exception cref="RasterException">They contradict each other; the message names all of them.</exception>
    internal void Validate()
    {
        var numbers = $"tile {Tile}, overlap {Overlap}, patch {Patch}";
        if (Tile < 1 || Patch < 1 || Tile % Patch != 0)
        {
            throw new RasterException($"The tile must be a positive multiple of the patch; found {numbers}.");
        }

        if (Overlap < 0 || Overlap > Tile / 2 || Overlap % 2 != 0)
        {
            throw new RasterException($"The overlap must be even and lie between 0 and half the tile ({Tile / 2}); found {numbers}. Choose with --overlap.");
        }

        if (AlignToPatch && (Tile - Overlap) % Patch != 0)
        {
            throw new RasterException($"For embeddings the stride (tile − overlap = {Tile - Overlap}) must be a multiple of the patch; found {numbers}.");
        }
    }
}
