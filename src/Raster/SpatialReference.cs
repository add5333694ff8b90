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

    [LibraryImport(Gdal.Library)] private static unsafe partial double OSRGetLinearUnits(nint reference, nint* name);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)] private static partial nint OSRNewSpatialReference(string? wkt);

    [LibraryImport(Gdal.Library)] private static partial int OSRImportFromEPSG(nint reference, int code);

    [LibraryImport(Gdal.Library)] private static unsafe partial int OSRExportToWkt(nint reference, nint* text);

    [LibraryImport(Gdal.Library)] private static partial int OSRIsGeographic(nint reference);

    [LibraryImport(Gdal.Library)] private static partial void OSRDestroySpatialReference(nint reference);

    [LibraryImport(Gdal.Library)] private static partial void VSIFree(nint memory);
}
