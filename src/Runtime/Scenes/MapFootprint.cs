using System.Text.Json.Nodes;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Where a map has values, on WGS 84: outlines run counter-clockwise and holes clockwise, as GeoJSON wants them.</summary>
/// <param name="Geometry">A polygon or several.</param>
/// <param name="Bounds">West, south, east, north.</param>
internal sealed record MapFootprint(JsonObject Geometry, JsonArray Bounds)
{
    private const int PointsAnEdge = 8;

    /// <summary>The footprint of a map; that of its grid when no pixel has a value, null when it has no place.</summary>
    /// <param name="job">The job that made it.</param>
    /// <param name="map">The map.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static MapFootprint? Of(SceneJob job, string map, CancellationToken cancellation)
    {
        if (job.Profile is not { Transform: { } grid, Projection: { Length: > 0 } projection, Size: var size })
        {
            return null;
        }

        (double X, double Y)[] corners = [(0, 0), (0, size.Height), (size.Width, size.Height), (size.Width, 0), (0, 0)];
        var polygons = DataFootprint.Of(map, cancellation);
        polygons = polygons.Count > 0 ? polygons : [new FootprintPolygon([[.. corners.Select(corner => (grid.OriginX + (corner.X * grid.PixelWidth), grid.OriginY + (corner.Y * grid.PixelHeight)))]])];
        var longest = Math.Max(size.Width * Math.Abs(grid.PixelWidth), size.Height * Math.Abs(grid.PixelHeight)) / PointsAnEdge;
        var wkt = SpatialReference.ToWkt(projection);
        var moved = polygons.Select(polygon => polygon.Rings.Select((ring, i) => Turned(SpatialReference.ToLongitudeLatitude(Subdivided(ring, longest), wkt), counterClockwise: i == 0)).ToList()).ToList();
        var points = moved.SelectMany(rings => rings[0]).ToList();
        JsonArray[] coordinates = [.. moved.Select(rings => new JsonArray([.. rings.Select(ring => new JsonArray([.. ring.Select(point => new JsonArray(point.Longitude, point.Latitude))]))]))];
        return new MapFootprint(
            coordinates.Length == 1 ? new JsonObject { ["type"] = "Polygon", ["coordinates"] = coordinates[0] } : new JsonObject { ["type"] = "MultiPolygon", ["coordinates"] = new JsonArray([.. coordinates]) },
            new JsonArray(points.Min(point => point.Longitude), points.Min(point => point.Latitude), points.Max(point => point.Longitude), points.Max(point => point.Latitude)));
    }

    // Edges are straight in the map's own system only, so that points between the corners are needed.
    private static List<(double X, double Y)> Subdivided(IReadOnlyList<(double X, double Y)> ring, double longest)
    {
        var points = new List<(double, double)> { ring[0] };
        foreach (var (from, to) in ring.Zip(ring.Skip(1)))
        {
            var parts = Math.Max(1, (int)Math.Ceiling(Math.Sqrt(Math.Pow(to.X - from.X, 2) + Math.Pow(to.Y - from.Y, 2)) / longest - 1e-9));
            points.AddRange(Enumerable.Range(1, parts).Select(i => (from.X + ((to.X - from.X) * i / parts), from.Y + ((to.Y - from.Y) * i / parts))));
        }

        return points;
    }

    private static IReadOnlyList<(double Longitude, double Latitude)> Turned(IReadOnlyList<(double Longitude, double Latitude)> ring, bool counterClockwise)
    {
        var twice = ring.Zip(ring.Skip(1), (from, to) => (from.Longitude * to.Latitude) - (to.Longitude * from.Latitude)).Sum();
        return (twice > 0) == counterClockwise ? ring : [.. ring.Reverse()];
    }
}
