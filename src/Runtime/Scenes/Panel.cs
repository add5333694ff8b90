using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// A range of columns of the map that is streamed on its own, from top to bottom, so that memory follows its width. It runs every
/// tile that adds to its columns; tiles at its sides run again in the next panel. Weights and order are those of the whole plan,
/// so panels change nothing in the map.
/// </summary>
/// <param name="FirstTile">First column of tiles that adds to the panel.</param>
/// <param name="EndTile">The column of tiles behind the last.</param>
/// <param name="X">First column of the map.</param>
/// <param name="Width">Columns of the map.</param>
/// <param name="ReadX">First column of the scene that its tiles read, reflection included.</param>
/// <param name="ReadWidth">Columns of the scene.</param>
internal sealed record Panel(int FirstTile, int EndTile, int X, int Width, int ReadX, int ReadWidth)
{
    /// <summary>Cuts a plan into panels that own <paramref name="tiles"/> columns of tiles each.</summary>
    public static IReadOnlyList<Panel> Cut(TilePlan plan, BlendMode blend, int tiles)
    {
        var panels = new List<Panel>();
        for (var first = 0; first < plan.X.Count; first += tiles)
        {
            panels.Add(Of(plan.X, plan.Options.Tile, blend, first, Math.Min(plan.X.Count, first + tiles)));
        }

        return panels;
    }

    /// <summary>How many columns of tiles the panels of an earlier run owned, from the width of the first.</summary>
    public static int TilesOf(TilePlan plan, int width)
    {
        var tiles = 1;
        while (tiles < plan.X.Count && plan.X.OwnedEnd(tiles - 1) < width)
        {
            tiles++;
        }

        return tiles;
    }

    private static Panel Of(TileAxis axis, int tile, BlendMode blend, int ownedFirst, int ownedEnd)
    {
        var (left, right) = (axis.OwnedStart(ownedFirst), axis.OwnedEnd(ownedEnd - 1));
        var (first, end) = (ownedFirst, ownedEnd);
        while (blend != BlendMode.None && first > 0 && axis.Start(first - 1) + tile > left)
        {
            first--;
        }

        while (blend != BlendMode.None && end < axis.Count && axis.Start(end) < right)
        {
            end++;
        }

        var (low, high) = (int.MaxValue, 0);
        for (var column = first; column < end; column++)
        {
            for (var u = 0; u < tile; u++)
            {
                var x = TileAxis.Reflect(axis.Start(column) + u, axis.Length);
                (low, high) = (Math.Min(low, x), Math.Max(high, x));
            }
        }

        return new Panel(first, end, left, right - left, low, high - low + 1);
    }
}
