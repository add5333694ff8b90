using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>GDAL's virtual file system, its options and what makes virtual rasters.</summary>
internal static unsafe partial class Gdal
{
    [LibraryImport(Library)] internal static partial nint GDALGetDatasetDriver(GdalDatasetHandle dataset);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial GdalDatasetHandle GDALWarp(string name, nint target, int sourceCount, nint* sources, nint options, int* usageError);

    [LibraryImport(Library)] internal static partial nint GDALWarpAppOptionsNew(nint arguments, nint binary);

    [LibraryImport(Library)] internal static partial void GDALWarpAppOptionsFree(nint options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint CPLGetConfigOption(string key, string? otherwise);

    [LibraryImport(Library)] internal static partial nint VSINetworkStatsGetAsSerializedJSON(nint options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial void CPLSetThreadLocalConfigOption(string key, string? value);

    [LibraryImport(Library)] internal static partial nuint VSIFReadL(void* buffer, nuint size, nuint count, nint file);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint VSIReadDir(string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int VSIRmdirRecursive(string path);
}
