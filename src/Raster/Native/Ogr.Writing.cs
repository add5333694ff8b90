using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <content>Writing of polygons. Layers are borrowed from their dataset; features and field definitions belong to the caller.</content>
internal static unsafe partial class Ogr
{
    [LibraryImport(Gdal.Library)]
    internal static partial int GDALPolygonize(nint band, nint mask, nint layer, int field, nint options, delegate* unmanaged<double, byte*, void*, int> progress, void* data);

    [LibraryImport(Gdal.Library)]
    internal static partial int GDALSieveFilter(nint band, nint mask, nint target, int threshold, int connectedness, nint options, delegate* unmanaged<double, byte*, void*, int> progress, void* data);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint GDALDatasetCreateLayer(GdalDatasetHandle dataset, string name, nint reference, int geometryType, nint options);

    [LibraryImport(Gdal.Library)] internal static partial int GDALDatasetStartTransaction(GdalDatasetHandle dataset, int force);

    [LibraryImport(Gdal.Library)] internal static partial int GDALDatasetCommitTransaction(GdalDatasetHandle dataset);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint OGR_Fld_Create(string name, int type);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_Fld_Destroy(nint field);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_L_CreateField(nint layer, nint field, int approximately);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_L_GetLayerDefn(nint layer);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_L_ResetReading(nint layer);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_L_CreateFeature(nint layer, nint feature);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_F_Create(nint definition);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_F_GetFieldAsInteger(nint feature, int field);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_F_SetFieldInteger(nint feature, int field, int value);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_F_SetFieldInteger64(nint feature, int field, long value);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_F_SetFieldDouble(nint feature, int field, double value);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial void OGR_F_SetFieldString(nint feature, int field, string value);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_F_SetGeometryDirectly(nint feature, nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_G_GetGeometryCount(nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_G_GetGeometryRef(nint geometry, int index);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_G_GetPointCount(nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial double OGR_G_GetX(nint geometry, int index);

    [LibraryImport(Gdal.Library)] internal static partial double OGR_G_GetY(nint geometry, int index);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_G_IsValid(nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_G_MakeValid(nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_G_SimplifyPreserveTopology(nint geometry, double tolerance);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_G_ForceToMultiPolygon(nint geometry);
}
