using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>
/// GDAL's C API, as far as EoOnnx uses it. Handles that the caller owns are <see cref="GdalDatasetHandle"/>; <see cref="nint"/>
/// handles are borrowed from a dataset and never leave <c>Native</c> and the classes that hold that dataset.
/// </summary>
internal static unsafe partial class Gdal
{
    internal const string Library = "gdal";

    [LibraryImport(Library)] internal static partial void GDALAllRegister();

    [LibraryImport(Library)] internal static partial int GDALGetDriverCount();

    [LibraryImport(Library)] internal static partial nint GDALGetDriver(int index);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint GDALVersionInfo(string request);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint GDALGetDriverByName(string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial GdalDatasetHandle GDALOpenEx(string name, uint flags, nint allowedDrivers, nint openOptions, nint siblingFiles);

    [LibraryImport(Library)] internal static partial void GDALClose(nint dataset);

    [LibraryImport(Library)] internal static partial void GDALFlushCache(GdalDatasetHandle dataset);

    [LibraryImport(Library)] internal static partial int GDALGetRasterXSize(GdalDatasetHandle dataset);

    [LibraryImport(Library)] internal static partial int GDALGetRasterYSize(GdalDatasetHandle dataset);

    [LibraryImport(Library)] internal static partial int GDALGetRasterCount(GdalDatasetHandle dataset);

    [LibraryImport(Library)] internal static partial int GDALGetGCPCount(GdalDatasetHandle dataset);

    [LibraryImport(Library)] internal static partial nint GDALGetFileList(GdalDatasetHandle dataset);

    [LibraryImport(Library)] internal static partial int GDALGetGeoTransform(GdalDatasetHandle dataset, double* transform);

    [LibraryImport(Library)] internal static partial int GDALSetGeoTransform(GdalDatasetHandle dataset, double* transform);

    [LibraryImport(Library)] internal static partial nint GDALGetProjectionRef(GdalDatasetHandle dataset);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int GDALSetProjection(GdalDatasetHandle dataset, string wkt);

    [LibraryImport(Library)] internal static partial nint GDALGetRasterBand(GdalDatasetHandle dataset, int band);

    [LibraryImport(Library)] internal static partial int GDALGetRasterDataType(nint band);

    [LibraryImport(Library)] internal static partial void GDALGetBlockSize(nint band, int* width, int* height);

    [LibraryImport(Library)] internal static partial nint GDALGetDescription(nint majorObject);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial void GDALSetDescription(nint majorObject, string description);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint GDALGetMetadataItem(nint majorObject, string name, string? domain);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint GDALGetMetadataItem(GdalDatasetHandle dataset, string name, string? domain);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint GDALGetMetadata(GdalDatasetHandle dataset, string? domain);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int GDALSetMetadataItem(GdalDatasetHandle dataset, string name, string value, string? domain);

    [LibraryImport(Library, EntryPoint = "GDALSetMetadataItem", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int GDALSetBandMetadataItem(nint band, string name, string value, string? domain);

    [LibraryImport(Library)] internal static partial double GDALGetRasterNoDataValue(nint band, int* present);

    [LibraryImport(Library)] internal static partial int GDALSetRasterNoDataValue(nint band, double value);

    [LibraryImport(Library)] internal static partial double GDALGetRasterScale(nint band, int* present);

    [LibraryImport(Library)] internal static partial double GDALGetRasterOffset(nint band, int* present);

    [LibraryImport(Library)] internal static partial int GDALSetRasterScale(nint band, double scale);

    [LibraryImport(Library)] internal static partial int GDALSetRasterOffset(nint band, double offset);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int GDALSetRasterUnitType(nint band, string unit);

    [LibraryImport(Library)] internal static partial nint GDALGetMaskBand(nint band);

    [LibraryImport(Library)] internal static partial int GDALGetMaskFlags(nint band);

    [LibraryImport(Library)] internal static partial nint GDALGetRasterColorTable(nint band);

    [LibraryImport(Library)] internal static partial int GDALSetRasterColorTable(nint band, nint table);

    [LibraryImport(Library)] internal static partial int GDALSetRasterColorInterpretation(nint band, int interpretation);

    [LibraryImport(Library)] internal static partial nint GDALCreateColorTable(int interpretation);

    [LibraryImport(Library)] internal static partial void GDALDestroyColorTable(nint table);

    [LibraryImport(Library)] internal static partial void GDALSetColorEntry(nint table, int index, short* entry);

    [LibraryImport(Library)] internal static partial int GDALGetColorEntryCount(nint table);

    [LibraryImport(Library)] internal static partial short* GDALGetColorEntry(nint table, int index);

    [LibraryImport(Library)] internal static partial nint GDALGetRasterCategoryNames(nint band);

    [LibraryImport(Library)] internal static partial int GDALSetRasterCategoryNames(nint band, nint names);

    [LibraryImport(Library)] internal static partial int GDALRasterIOEx(
        nint band, int write, int x, int y, int width, int height, void* buffer, int bufferWidth, int bufferHeight, int type, long pixelSpace, long lineSpace, nint extra);

    [LibraryImport(Library)] internal static partial int GDALDatasetRasterIOEx(
        GdalDatasetHandle dataset, int write, int x, int y, int width, int height, void* buffer, int bufferWidth, int bufferHeight, int type,
        int bandCount, int* bands, long pixelSpace, long lineSpace, long bandSpace, nint extra);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial GdalDatasetHandle GDALCreate(nint driver, string name, int width, int height, int bands, int type, nint options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial GdalDatasetHandle GDALCreateCopy(
        nint driver, string name, GdalDatasetHandle source, int strict, nint options, delegate* unmanaged<double, byte*, void*, int> progress, void* data);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial GdalDatasetHandle GDALTranslate(string name, GdalDatasetHandle source, nint options, int* usageError);

    [LibraryImport(Library)] internal static partial nint GDALTranslateOptionsNew(nint arguments, nint binary);

    [LibraryImport(Library)] internal static partial void GDALTranslateOptionsFree(nint options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint VSIFileFromMemBuffer(string name, void* buffer, ulong length, int takeOwnership);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint VSIFOpenL(string name, string access);

    [LibraryImport(Library)] internal static partial nuint VSIFWriteL(void* buffer, nuint size, nuint count, nint file);

    [LibraryImport(Library)] internal static partial int VSIFCloseL(nint file);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int VSIUnlink(string name);

    [LibraryImport(Library)] internal static partial void CPLErrorReset();

    [LibraryImport(Library)] internal static partial nint CPLGetLastErrorMsg();

    [LibraryImport(Library)] internal static partial int CPLGetLastErrorType();

    [LibraryImport(Library)] internal static partial nint CPLSetErrorHandler(nint handler);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial void CPLSetConfigOption(string key, string? value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint CSLAddString(nint list, string text);

    [LibraryImport(Library)] internal static partial void CSLDestroy(nint list);

    /// <summary>A borrowed C string copied; empty for null.</summary>
    internal static string Text(nint text) => Marshal.PtrToStringUTF8(text) ?? "";

    /// <summary>A borrowed null-terminated list of C strings copied.</summary>
    internal static List<string> Texts(nint list)
    {
        var texts = new List<string>();
        for (var entry = (nint*)list; entry is not null && *entry != 0; entry++)
        {
            texts.Add(Text(*entry));
        }

        return texts;
    }
}
