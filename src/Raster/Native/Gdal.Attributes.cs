using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <content>Raster attribute tables; a table that was created belongs to the caller, bands copy it.</content>
internal static partial class Gdal
{
    [LibraryImport(Library)] internal static partial nint GDALCreateRasterAttributeTable();

    [LibraryImport(Library)] internal static partial void GDALDestroyRasterAttributeTable(nint table);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int GDALRATCreateColumn(nint table, string name, int type, int usage);

    [LibraryImport(Library)] internal static partial void GDALRATSetRowCount(nint table, int count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial void GDALRATSetValueAsString(nint table, int row, int column, string value);

    [LibraryImport(Library)] internal static partial void GDALRATSetValueAsInt(nint table, int row, int column, int value);

    [LibraryImport(Library)] internal static partial void GDALRATSetValueAsDouble(nint table, int row, int column, double value);

    [LibraryImport(Library)] internal static partial int GDALSetDefaultRAT(nint band, nint table);
}
