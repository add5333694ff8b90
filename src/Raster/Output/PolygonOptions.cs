namespace EoOnnx.Raster;

/// <summary>How the classes of a map become polygons.</summary>
public sealed record PolygonOptions
{
    /// <summary>Pixels that touch at a corner only belong to one polygon, too.</summary>
    public bool ConnectDiagonals { get; init; } = true;

    /// <summary>Regions smaller than this, in square metres, are given to their largest neighbour first; those without a neighbour are left out. 0 keeps all.</summary>
    public double MinimumArea { get; init => field = value >= 0 && double.IsFinite(value) ? value
        : throw new ArgumentOutOfRangeException(nameof(MinimumArea), value, "The smallest area must be a finite number of square metres of at least 0."); }

    /// <summary>Only these classes become polygons, by their values in the map; empty takes all.</summary>
    public IReadOnlyList<int> Classes { get; init; } = [];

    /// <summary>Vertices may move by this much, in units of the map, to make outlines simpler; 0 leaves them on the pixels' edges. Each
    /// polygon stays valid, but neighbours no longer share their borders exactly.</summary>
    public double Simplify { get; init => field = value >= 0 && double.IsFinite(value) ? value
        : throw new ArgumentOutOfRangeException(nameof(Simplify), value, "The tolerance must be a finite number of map units of at least 0."); }
}
