namespace EoOnnx.Raster;

/// <summary>The area of pixels on the ground.</summary>
public sealed class GroundArea
{
    private const double SemiMajorAxis = 6_378_137, Flattening = 1 / 298.257223563; // WGS 84
    private readonly GeoTransform? _transform;
    private readonly bool _geographic;
    private readonly double _unit;

    private GroundArea(GeoTransform? transform, bool geographic, double unit) => (_transform, _geographic, _unit) = (transform, geographic, unit);

    /// <summary>The areas of a grid's pixels.</summary>
    /// <param name="transform">The grid; null when there is none.</param>
    /// <param name="projection">Its CRS as WKT; empty when there is none.</param>
    public static GroundArea Of(GeoTransform? transform, string projection) => projection.Length == 0
        ? new GroundArea(null, false, 1)
        : new GroundArea(transform, SpatialReference.IsGeographic(projection), SpatialReference.LinearUnit(projection));

    /// <summary>Square metres of one pixel of a row; null when the grid is not placed on the ground.</summary>
    /// <remarks>Of a projected grid: in the projection's own plane. Of degrees: on the WGS 84 ellipsoid, between the row's two parallels.
    /// Source: Snyder, Map Projections, A Working Manual (1987), equation 3-12.</remarks>
    public double? PerPixel(int row)
    {
        if (_transform is not { } grid)
        {
            return null;
        }

        if (!_geographic)
        {
            return grid.PixelArea * _unit * _unit;
        }

        const double eccentricitySquared = Flattening * (2 - Flattening);
        var (top, bottom) = (grid.OriginY + (row * grid.PixelHeight), grid.OriginY + ((row + 1) * grid.PixelHeight));
        var zone = SemiMajorAxis * SemiMajorAxis * (1 - eccentricitySquared) / 2 * (Q(top) - Q(bottom));
        return Math.Abs(zone * double.DegreesToRadians(grid.PixelWidth));

        static double Q(double latitude)
        {
            var eccentricity = Math.Sqrt(eccentricitySquared);
            var sine = Math.Sin(double.DegreesToRadians(Math.Clamp(latitude, -90, 90)));
            return (sine / (1 - (eccentricitySquared * sine * sine))) + (Math.Atanh(eccentricity * sine) / eccentricity);
        }
    }
}
