using EoOnnx.Formats;

namespace EoOnnx.Raster.Tiling;

/// <summary>What stands behind the edge of a scene.</summary>
public enum EdgeMode
{
    /// <summary>The last tile is shifted back until it fits; no pixel is invented unless the scene is smaller than a tile.</summary>
    Shift,

    /// <summary>The scene is extended by half the overlap on every side by reflection, so that border pixels get full context.</summary>
    Reflect,

    /// <summary>No tile is moved: those at one side hang over the scene, and what lies outside holds the value 0. QGIS Deepness maps a layer like this,
    /// which it makes larger at the right and at the top. Of a model that answers for the middle of its tile only, the rim of the scene stays without an answer.</summary>
    Zero,
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

/// <summary>How an axis of a scene is cut into tiles, or both axes where tiles are square.</summary>
public sealed record TilePlanOptions
{
    /// <summary>Extent of a tile along the axis, in pixels.</summary>
    public required int Tile { get; init; }

    /// <summary>Pixels that neighbouring tiles share: even, other than with <see cref="EdgeMode.Zero"/>, from twice the margin to half of what lies within the margins more.</summary>
    public required int Overlap { get; init; }

    /// <summary>Pixels on every side of a tile that the model sees and gives no score for.</summary>
    public int Margin { get; init; }

    /// <summary>Extent of a transformer's patch along the axis; tile and, for embeddings, stride must be multiples of it.</summary>
    public int Patch { get; init; } = 1;

    /// <summary>What stands behind the scene's edge.</summary>
    public EdgeMode Edge { get; init; }

    /// <summary>With <see cref="EdgeMode.Zero"/>: the last tile ends where the scene ends, and the first one hangs over its start.</summary>
    public bool HangsOverStart { get; init; }

    /// <summary>Align tile starts and ownership to multiples of <see cref="Patch"/>: one output pixel a patch.</summary>
    public bool AlignToPatch { get; init; }

    /// <summary>The overlap that suits a tile edge when nothing else is said: 2·ceil(tile / 14), 32 at 224.</summary>
    public static int DefaultOverlap(int tile) => ModelManifest.DefaultOverlap(tile);

    /// <summary>The largest overlap of a tile with margins.</summary>
    public static int MostOverlap(int tile, int margin) => (2 * margin) + ((tile - (2 * margin)) / 2);

    /// <summary>Checks the numbers against each other.</summary>
    /// <exception cref="RasterException">They contradict each other; the message names all of them.</exception>
    internal void Validate()
    {
        var numbers = $"tile {Tile}, overlap {Overlap}, patch {Patch}{(Margin == 0 ? "" : $", margin {Margin}")}";
        if (Tile < 1 || Patch < 1 || Tile % Patch != 0)
        {
            throw new RasterException($"The tile must be a positive multiple of the patch; found {numbers}.");
        }

        if (Margin < 0 || Margin >= (Tile + 1) / 2)
        {
            throw new RasterException($"The margins must leave something of the tile; found {numbers}.");
        }

        if (Overlap < 2 * Margin || Overlap > MostOverlap(Tile, Margin) || (Overlap % 2 != 0 && Edge != EdgeMode.Zero))
        {
            throw new RasterException($"The overlap must be even and lie between {2 * Margin} and {(Margin == 0 ? "half the tile" : "the margins plus half of what is between them")} ({MostOverlap(Tile, Margin)}); found {numbers}. Choose with --overlap.");
        }

        if (Margin > 0 && Edge == EdgeMode.Shift)
        {
            throw new RasterException($"A tile with margins says nothing about the edge of the scene unless it is reflected; found {numbers}. Choose --edge reflect, or --edge zero to leave the rim without values.");
        }

        if (HangsOverStart && (Edge != EdgeMode.Zero || AlignToPatch))
        {
            throw new RasterException($"Tiles hang over the start of an axis only with zeros behind its edge and without a grid of patches; found {numbers}, edge {Edge}.");
        }

        if (AlignToPatch && (Tile - Overlap) % Patch != 0)
        {
            throw new RasterException($"For embeddings the stride (tile − overlap = {Tile - Overlap}) must be a multiple of the patch; found {numbers}.");
        }
    }
}
