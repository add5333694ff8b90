using System.Globalization;
using System.Runtime.InteropServices;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>Coordinate reference systems as text.</summary>
public static partial class SpatialReference
{
    /// <summary>WKT of any text GDAL understands: WKT itself, <c>EPSG:32633</c>, PROJ strings.</summary>
    /// <exception cref="RasterException">The text names no coordinate reference system.</exception>
    public static unsafe string ToWkt(string definition)
    {
        GdalLibrary.Ensure();
        if (!definition.StartsWith("EPSG:", StringComparison.OrdinalIgnoreCase))
        {
            return definition;
        }

        var reference = OSRNewSpatialReference(null);
        try
        {
            nint text = 0;
            if (!int.TryParse(definition.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var code)
                || OSRImportFromEPSG(reference, code) != 0 || OSRExportToWkt(reference, &text) != 0)
            {
                throw GdalError.Last($"'{definition}' names no coordinate reference system");
            }

            var wkt = Gdal.Text(text);
            VSIFree(text);
            return wkt;
        }
        finally
        {
            OSRDestroySpatialReference(reference);
        }
    }

    /// <summary>Name of a system for a person, for example <c>WGS 84 / UTM zone 33N</c>; <c>none</c> for an empty text.</summary>
    public static string Name(string wkt) => wkt.Length == 0 ? "none" : wkt.Split('"') is [_, var name, ..] ? name : wkt;

    /// <summary>The UTM zone around a place, as <c>EPSG:326zz</c> in the north or <c>EPSG:327zz</c> in the south.</summary>
    /// <param name="longitude">Degrees east.</param>
    /// <param name="latitude">Degrees north.</param>
    public static string UtmZone(double longitude, double latitude)
    {
        var zone = (int)Math.Clamp(Math.Floor((longitude + 180) / 6) + 1, 1, 60);
        return string.Create(CultureInfo.InvariantCulture, $"EPSG:{(latitude >= 0 ? 32600 : 32700) + zone}");
    }

    /// <summary>True when the system's coordinates are degrees of longitude and latitude.</summary>
    public static bool IsGeographic(string wkt)
    {
        if (wkt.Length == 0)
        {
            return false;
        }

        GdalLibrary.Ensure();
        var reference = OSRNewSpatialReference(wkt);
        var geographic = reference != 0 && OSRIsGeographic(reference) != 0;
        OSRDestroySpatialReference(reference);
        return geographic;
    }

    /// <summary>Metres in one unit of a projected system; 1 when it cannot be told.</summary>
    public static unsafe double LinearUnit(string wkt)
    {
        GdalLibrary.Ensure();
        var reference = OSRNewSpatialReference(wkt);
        var metres = reference == 0 ? 1 : OSRGetLinearUnits(reference, null);
        OSRDestroySpatialReference(reference);
        return metres;
    }

    /// <summary>True when both texts name the same system, or both none.</summary>
    public static bool AreSame(string wkt, string otherWkt)
    {
        if (wkt.Length == 0 || otherWkt.Length == 0 || wkt == otherWkt)
        {
            return wkt == otherWkt;
        }

        GdalLibrary.Ensure();
        var (one, other) = (OSRNewSpatialReference(wkt), OSRNewSpatialReference(otherWkt));
        var same = one != 0 && other != 0 && OSRIsSame(one, other) != 0;
        OSRDestroySpatialReference(one);
        OSRDestroySpatialReference(other);
        return same;
    }

    [LibraryImport(Gdal.Library)] private static partial int OSRIsSame(nint one, nint other);

    /// <summary>The smallest rectangle of another system around a rectangle of one, edges included.</summary>
    /// <param name="bounds">x east or longitude, y north or latitude.</param>
    /// <param name="from">Its system, as WKT or <c>EPSG:n</c>.</param>
    /// <param name="to">The other system, as WKT.</param>
    /// <exception cref="RasterException">There is no way from one to the other.</exception>
    public static unsafe MapBounds Transform(MapBounds bounds, string from, string to)
    {
        const int pointsOnEdge = 21;
        return Between(ToWkt(from), to, transformation =>
        {
            double west, south, east, north;
            return transformation != 0 && OCTTransformBounds(transformation, bounds.West, bounds.South, bounds.East, bounds.North, &west, &south, &east, &north, pointsOnEdge) != 0
                ? new MapBounds(west, south, east, north)
                : throw GdalError.Last($"The rectangle {bounds} of {from} cannot be moved into the system of the scene");
        });
    }

    // The way from one system to another, x first in both; 0 where there is none.
    private static T Between<T>(string from, string to, Func<nint, T> use)
    {
        const int traditionalOrder = 0;
        GdalLibrary.Ensure();
        Gdal.CPLErrorReset();
        var (source, target) = (OSRNewSpatialReference(from), OSRNewSpatialReference(to));
        nint transformation = 0;
        try
        {
            if (source != 0 && target != 0)
            {
                OSRSetAxisMappingStrategy(source, traditionalOrder);
                OSRSetAxisMappingStrategy(target, traditionalOrder);
                transformation = OCTNewCoordinateTransformation(source, target);
            }

            return use(transformation);
        }
        finally
        {
            OCTDestroyCoordinateTransformation(transformation);
            OSRDestroySpatialReference(source);
            OSRDestroySpatialReference(target);
        }
    }

    [LibraryImport(Gdal.Library)] private static partial void OSRSetAxisMappingStrategy(nint reference, int strategy);

    [LibraryImport(Gdal.Library)] private static partial nint OCTNewCoordinateTransformation(nint source, nint target);

    [LibraryImport(Gdal.Library)] private static partial void OCTDestroyCoordinateTransformation(nint transformation);

    [LibraryImport(Gdal.Library)] private static unsafe partial int OCTTransformBounds(
        nint transformation, double west, double south, double east, double north, double* outWest, double* outSouth, double* outEast, double* outNorth, int densify);

    [LibraryImport(Gdal.Library)] private static unsafe partial double OSRGetLinearUnits(nint reference, nint* name);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)] private static partial nint OSRNewSpatialReference(string? wkt);

    [LibraryImport(Gdal.Library)] private static partial int OSRImportFromEPSG(nint reference, int code);

    [LibraryImport(Gdal.Library)] private static unsafe partial int OSRExportToWkt(nint reference, nint* text);

    [LibraryImport(Gdal.Library)] private static partial int OSRIsGeographic(nint reference);

    [LibraryImport(Gdal.Library)] private static partial void OSRDestroySpatialReference(nint reference);

    [LibraryImport(Gdal.Library)] private static partial void VSIFree(nint memory);
}
