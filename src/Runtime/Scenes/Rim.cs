using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// Pixels beyond the right and the upper edge of a map that tiles hang over and whose classes a median of the map's own pixels sees, as in QGIS
/// Deepness, which smooths its larger layer before it cuts it. They are rows and columns of the work area, not of the map.
/// </summary>
/// <param name="Right">Columns, in pixels of the map.</param>
/// <param name="Top">Rows, in pixels of the map.</param>
internal readonly record struct Rim(int Right, int Top)
{
    /// <summary>No pixel.</summary>
    public bool IsEmpty => this == default;

    /// <summary>The rim of a map.</summary>
    /// <param name="map">Its tiles, in its pixels.</param>
    /// <param name="median">Edge of the window of the median; 1 for none.</param>
    public static Rim Of(TilePlan map, int median) => map.X.Options.Edge != EdgeMode.Zero || median == 1 ? default
        : new Rim(Math.Min(median / 2, map.X.Overhang.After), Math.Min(median / 2, map.Y.Overhang.Before));
}
