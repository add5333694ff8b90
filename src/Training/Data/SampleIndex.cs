using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>A tile of a chip.</summary>
/// <param name="Chip">Index of the chip.</param>
/// <param name="Window">Its pixels; smaller than the tile only where the chip is.</param>
/// <param name="Counted">The part whose labels count: where fixed tiles overlap, each pixel counts once.</param>
internal readonly record struct SampleWindow(int Chip, PixelWindow Window, PixelWindow Counted);

/// <summary>Cuts chips into tiles.</summary>
internal static class SampleIndex
{
    /// <summary>Square tiles that cover every pixel of the chosen chips; each pixel is counted in exactly one of them.</summary>
    public static IReadOnlyList<SampleWindow> Tiles(ChipSource source, IEnumerable<int> chips, int side) => Tiles(source, chips, new PixelSize(side, side));

    /// <summary>Tiles that cover every pixel of the chosen chips; each pixel is counted in exactly one of them.</summary>
    public static IReadOnlyList<SampleWindow> Tiles(ChipSource source, IEnumerable<int> chips, PixelSize tile) =>
        [.. from chip in chips
            let size = source.Chips[chip].Size
            from row in Axis(size.Height, tile.Height)
            from column in Axis(size.Width, tile.Width)
            select new SampleWindow(chip,
                new PixelWindow(column.Start, row.Start, Math.Min(tile.Width, size.Width), Math.Min(tile.Height, size.Height)),
                new PixelWindow(column.CountedFrom, row.CountedFrom, column.Start + Math.Min(tile.Width, size.Width) - column.CountedFrom, row.Start + Math.Min(tile.Height, size.Height) - row.CountedFrom))];

    /// <summary>The central tile of each of the chosen chips.</summary>
    public static IReadOnlyList<SampleWindow> Centres(ChipSource source, IEnumerable<int> chips, PixelSize tile) => [.. chips.Select(chip =>
    {
        var size = source.Chips[chip].Size;
        var (width, height) = (Math.Min(tile.Width, size.Width), Math.Min(tile.Height, size.Height));
        var window = new PixelWindow((size.Width - width) / 2, (size.Height - height) / 2, width, height);
        return new SampleWindow(chip, window, window);
    })];

    /// <summary>Starts at 0, tile, 2·tile, …; the last is moved back to end with the axis and counts only what the one before did not cover.</summary>
    private static IEnumerable<(int Start, int CountedFrom)> Axis(int length, int tile)
    {
        for (var start = 0; start < length; start += tile)
        {
            yield return (Math.Max(0, Math.Min(start, length - tile)), start);
        }
    }
}
