namespace EoOnnx.Raster.Tiling;

/// <summary>One tile of a plan.</summary>
/// <param name="Row">Row of tiles.</param>
/// <param name="Column">Column of tiles.</param>
/// <param name="Read">Pixels that the model sees; may reach past the scene, where it is reflected or 0.</param>
/// <param name="Own">Pixels that this tile alone answers for; these tile the scene exactly.</param>
public readonly record struct TileWindow(int Row, int Column, PixelWindow Read, PixelWindow Own);

/// <summary>
/// How a scene is cut into tiles: the product of two <see cref="TileAxis"/>. Depends on the scene's size and the options only,
/// never on batch, threads or memory, so that results are reproducible and a run can be resumed.
/// </summary>
public sealed class TilePlan
{
    private TilePlan(PixelSize scene, TilePlanOptions across, TilePlanOptions down) => (Scene, X, Y) =
        (scene, TileAxis.Create(scene.Width, across), TileAxis.Create(scene.Height, down));

    /// <summary>Size of the scene.</summary>
    public PixelSize Scene { get; }

    /// <summary>Tiles from left to right.</summary>
    public TileAxis X { get; }

    /// <summary>Tiles from top to bottom.</summary>
    public TileAxis Y { get; }

    /// <summary>Number of tiles.</summary>
    public long Count => (long)X.Count * Y.Count;

    /// <summary>Size of a tile in pixels of the scene.</summary>
    public PixelSize Tile => new(X.Options.Tile, Y.Options.Tile);

    /// <summary>Pixels that neighbours share, beside and below each other.</summary>
    public PixelSize Overlap => new(X.Options.Overlap, Y.Options.Overlap);

    /// <summary>Size of an output pixel in pixels of the scene: the patch of plans that are aligned to it, else 1 x 1.</summary>
    public PixelSize Cell => new(X.Cell, Y.Cell);

    /// <summary>Size of the output: one pixel a cell, those that hang over the scene included.</summary>
    public PixelSize Map => new((Scene.Width + X.Cell - 1) / X.Cell, (Scene.Height + Y.Cell - 1) / Y.Cell);

    /// <summary>The tile in a row and column.</summary>
    public TileWindow this[int row, int column] => new(row, column,
        new PixelWindow(X.Start(column), Y.Start(row), X.Options.Tile, Y.Options.Tile),
        new PixelWindow(X.OwnedStart(column), Y.OwnedStart(row), X.OwnedEnd(column) - X.OwnedStart(column), Y.OwnedEnd(row) - Y.OwnedStart(row)));

    /// <summary>Plans a scene with square tiles.</summary>
    /// <exception cref="RasterException">The options contradict each other; the message names all numbers.</exception>
    public static TilePlan Create(PixelSize scene, TilePlanOptions options) => new(scene, options, options);

    /// <summary>Plans a scene with tiles of any sides.</summary>
    /// <param name="scene">Size of the scene.</param>
    /// <param name="across">How its columns are cut: width of a tile, overlap of tiles beside each other.</param>
    /// <param name="down">How its rows are cut.</param>
    /// <exception cref="RasterException">The options contradict each other; the message names all numbers.</exception>
    public static TilePlan Create(PixelSize scene, TilePlanOptions across, TilePlanOptions down) => new(scene, across, down);

    /// <summary>All tiles, row by row: the order in which results are accumulated.</summary>
    public IEnumerable<TileWindow> Tiles()
    {
        for (var row = 0; row < Y.Count; row++)
        {
            for (var column = 0; column < X.Count; column++)
            {
                yield return this[row, column];
            }
        }
    }
}
