using System.Runtime.InteropServices;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <content>Names of systems, and points moved to longitude and latitude.</content>
public static unsafe partial class SpatialReference
{
    /// <summary>The system's code, such as <c>EPSG:32633</c>; null when it has none.</summary>
    public static string? Code(string wkt)
    {
        if (wkt.Length == 0)
        {
            return null;
        }

        GdalLibrary.Ensure();
        var reference = OSRNewSpatialReference(wkt);
        var (authority, code) = reference == 0 ? ("", "") : (Gdal.Text(OSRGetAuthorityName(reference, 0)), Gdal.Text(OSRGetAuthorityCode(reference, 0)));
        OSRDestroySpatialReference(reference);
        return authority.Length == 0 || code.Length == 0 ? null : $"{authority}:{code}";
    }

    /// <summary>Moves points to longitude and latitude on WGS 84.</summary>
    /// <param name="points">x east or longitude, y north or latitude.</param>
    /// <param name="from">Their system, as WKT.</param>
    /// <exception cref="RasterException">There is no way from one to the other, or a point lies outside what the system describes.</exception>
    public static IReadOnlyList<(double Longitude, double Latitude)> ToLongitudeLatitude(IReadOnlyList<(double X, double Y)> points, string from)
    {
        return Between(from, ToWkt("EPSG:4326"), transformation =>
        {
            double[] x = [.. points.Select(point => point.X)], y = [.. points.Select(point => point.Y)];
            fixed (double* xs = x, ys = y)
            {
                return transformation != 0 && OCTTransform(transformation, x.Length, xs, ys, null) != 0 ? x.Zip(y).ToList()
                    : throw GdalError.Last($"Points of {from} cannot be moved to longitude and latitude");
            }
        });
    }

    [LibraryImport(Gdal.Library)] private static partial nint OSRGetAuthorityName(nint reference, nint key);

    [LibraryImport(Gdal.Library)] private static partial nint OSRGetAuthorityCode(nint reference, nint key);

    [LibraryImport(Gdal.Library)] private static partial int OCTTransform(nint transformation, int count, double* x, double* y, double* z);
}
