using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// A range of columns of the map that is streamed on its own, from top to bottom, so that memory follows its width. It runs every
/// tile that adds to its columns; tiles at its sides run again in the next panel. Weights and order are those of the whole plan,
/// so panels change nothing in the map.
/// </summary>
/// <param name="FirstTile">First column of tiles that adds to the panel.</param>
/// <param name="EndTile">The column of tiles behind the last.</param>
/// <param name="X">First column of the scene that it answers for.</param>
/// <param name="Width">Columns of the scene that it answers for.</param>
/// <param name="ReadX">First column of the scene that its tiles read, reflection included.</param>
/// <param name="ReadWidth">Columns of the scene.</param>
/// <param name="Upsampling">Columns of the map for one of the scene.</param>
/// <param name="Cell">Columns of the scene for one of the map, see <see cref="TilePlan.Cell"/>; 1 where there are finer ones.</param>
internal sealed record Panel(int FirstTile, int EndTile, int X, int Width, int ReadX, int ReadWidth, int Upsampling, int Cell)
{
    /// <summary>First column of the scene that belongs to the panel: the panels share out all columns.</summary>
    public int OwnX => X / Upsampling;

    /// <summary>Columns of the scene that belong to the panel.</summary>
    public int OwnWidth => ((X + Width) / Upsampling) - OwnX;

    /// <summary>First column of the output.</summary>
    public int MapX => X / Cell;

    /// <summary>Columns of the output.</summary>
    public int MapWidth => ((X + Width + Cell - 1) / Cell) - MapX;

    /// <summary>Cuts a job's map into panels that own <paramref name="tiles"/> columns of tiles each.</summary>
    public static IReadOnlyList<Panel> Cut(SceneJob job, int tiles)
    {
        var (map, panels) = (job.MapPlan, new List<Panel>());
        for (var first = 0; first < map.X.Count; first += tiles)
        {
            panels.Add(Of(job, first, Math.Min(map.X.Count, first + tiles)));
        }

        return panels;
    }

    /// <summary>How many columns of tiles the panels of an earlier run owned, from the width of the first.</summary>
    public static int TilesOf(TilePlan plan, int width)
    {
        var tiles = 1;
        while (tiles < plan.X.Count && (plan.X.OwnedEnd(tiles - 1) + plan.X.Cell - 1) / plan.X.Cell < width)
        {
            tiles++;
        }

        return tiles;
    }

    private static Panel Of(SceneJob job, int ownedFirst, int ownedEnd)
    {
        var (map, axis) = (job.MapPlan.X, job.Plan.X);
        var (left, right) = (map.OwnedStart(ownedFirst), map.OwnedEnd(ownedEnd - 1));
        var (first, end) = (ownedFirst, ownedEnd);
        while (job.Blend != BlendMode.None && first > 0 && map.Start(first - 1) + map.Options.Tile > left)
        {
            first--;
        }

        while (job.Blend != BlendMode.None && end < map.Count && map.Start(end) < right)
        {
            end++;
        }

        var (low, high) = (int.MaxValue, 0);
        for (var column = first; column < end; column++)
        {
            var (from, behind) = axis.Reads(column);
            (low, high) = (Math.Min(low, from), Math.Max(high, behind));
        }

        return new Panel(first, end, left, right - left, low, high - low, job.Model.Upsampling, axis.Cell);
    }
}
