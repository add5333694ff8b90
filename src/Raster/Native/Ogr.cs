using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>The vector part of GDAL's C API, as far as areas of interest need it. Layers and their reference systems are borrowed from
/// the dataset; features and geometries belong to the caller.</summary>
internal static unsafe partial class Ogr
{
    [LibraryImport(Gdal.Library)] internal static partial int GDALDatasetGetLayerCount(GdalDatasetHandle dataset);

    [LibraryImport(Gdal.Library)] internal static partial nint GDALDatasetGetLayer(GdalDatasetHandle dataset, int index);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_L_GetSpatialRef(nint layer);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_L_GetNextFeature(nint layer);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_F_Destroy(nint feature);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_F_StealGeometry(nint feature);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_G_GetDimension(nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_G_Transform(nint geometry, nint transformation);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_G_Segmentize(nint geometry, double longest);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_G_GetEnvelope(nint geometry, double* westEastSouthNorth);

    [LibraryImport(Gdal.Library)] internal static partial void OGR_G_DestroyGeometry(nint geometry);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_G_Clone(nint geometry);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int OGR_F_GetFieldIndex(nint feature, string name);

    [LibraryImport(Gdal.Library)] internal static partial int OGR_F_IsFieldSetAndNotNull(nint feature, int field);

    [LibraryImport(Gdal.Library)] internal static partial nint OGR_F_GetFieldAsString(nint feature, int field);

    [LibraryImport(Gdal.Library)] internal static partial nint OSRClone(nint reference);

    [LibraryImport(Gdal.Library)] internal static partial int OSRExportToWkt(nint reference, nint* wkt);

    [LibraryImport(Gdal.Library)] internal static partial void VSIFree(nint memory);

    [LibraryImport(Gdal.Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint OSRNewSpatialReference(string wkt);

    [LibraryImport(Gdal.Library)] internal static partial void OSRSetAxisMappingStrategy(nint reference, int strategy);

    [LibraryImport(Gdal.Library)] internal static partial void OSRDestroySpatialReference(nint reference);

    [LibraryImport(Gdal.Library)] internal static partial nint OCTNewCoordinateTransformation(nint source, nint target);

    [LibraryImport(Gdal.Library)] internal static partial void OCTDestroyCoordinateTransformation(nint transformation);

    [LibraryImport(Gdal.Library)] internal static partial int GDALRasterizeGeometries(
        GdalDatasetHandle dataset, int bandCount, int* bands, int count, nint* geometries, nint transformer, nint transformerArgument, double* values, nint options, nint progress, nint data);
}
