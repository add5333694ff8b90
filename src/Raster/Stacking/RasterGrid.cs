using System.Globalization;

namespace EoOnnx.Raster;

/// <summary>A grid of pixels on the ground.</summary>
/// <param name="Size">Columns and rows.</param>
/// <param name="Transform">Pixel to map coordinates; null without georeferencing.</param>
/// <param name="Projection">Coordinate reference system as WKT; empty when there is none.</param>
public sealed record RasterGrid(PixelSize Size, GeoTransform? Transform, string Projection)
{
    /// <summary>The grid of a raster.</summary>
    public static RasterGrid Of(RasterDataset raster) => new(raster.Size, raster.Transform, raster.Projection);

    /// <summary>Edge of a pixel in metres; null when it cannot be told. Degrees count at the equator.</summary>
    public double? PixelMetres
    {
        get
        {
            const double metresPerDegree = 111_319.49; // π · 6,378,137 m / 180
            return Transform is not { } transform || Projection.Length == 0 ? null
                : Math.Sqrt(transform.PixelArea) * (SpatialReference.IsGeographic(Projection) ? metresPerDegree : SpatialReference.LinearUnit(Projection));
        }
    }

    /// <summary>The corners of a grid along the axes.</summary>
    public MapBounds Bounds => Transform is { IsNorthUp: true } transform
        ? new MapBounds(
            Math.Min(transform.OriginX, Right(transform)), Math.Min(transform.OriginY, Bottom(transform)),
            Math.Max(transform.OriginX, Right(transform)), Math.Max(transform.OriginY, Bottom(transform)))
        : throw new RasterException("A grid that is rotated or has no georeferencing has no bounds along the axes. Lay it on another grid with --grid utm.");

    /// <summary>The same area in other pixels, from the same upper left corner; the last ones may reach past the edge.</summary>
    /// <param name="resolution">Edge of a pixel in units of the CRS.</param>
    /// <exception cref="RasterException">The grid is rotated or has no georeferencing, or would have too many pixels.</exception>
    public RasterGrid WithResolution(double resolution)
    {
        var bounds = Bounds;
        var (width, height) = (Math.Ceiling(((bounds.East - bounds.West) / resolution) - 1e-6), Math.Ceiling(((bounds.North - bounds.South) / resolution) - 1e-6));
        return width is >= 1 and <= int.MaxValue && height is >= 1 and <= int.MaxValue
            ? this with { Size = new PixelSize((int)width, (int)height), Transform = new GeoTransform(bounds.West, resolution, 0, bounds.North, 0, -resolution) }
            : throw new RasterException(string.Create(CultureInfo.InvariantCulture, $"A resolution of {resolution} makes a grid of {width:0} x {height:0} pixels; each must be 1 to {int.MaxValue}. It is given in units of the coordinate reference system (--resolution)."));
    }

    /// <summary>True when both have the same pixels; corners may differ by a thousandth of a pixel.</summary>
    public bool Matches(RasterGrid other)
    {
        if (Size != other.Size || (Transform is null) != (other.Transform is null))
        {
            return false;
        }

        if (Transform is not { } ours || other.Transform is not { } theirs)
        {
            return true;
        }

        var tolerance = Math.Sqrt(ours.PixelArea) / 1000;
        return ours.ToArray().Zip(theirs.ToArray()).Index().All(pair => Math.Abs(pair.Item.First - pair.Item.Second) <= tolerance / (pair.Index is 0 or 3 ? 1 : Math.Max(Size.Width, Size.Height)));
    }

    private double Right(GeoTransform transform) => transform.OriginX + (transform.PixelWidth * Size.Width);

    private double Bottom(GeoTransform transform) => transform.OriginY + (transform.PixelHeight * Size.Height);
}
