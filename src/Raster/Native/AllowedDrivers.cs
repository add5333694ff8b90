namespace EoOnnx.Raster.Native;

/// <summary>
/// The drivers that may open a scene: formats of files. Not among them are drivers that take memory addresses (MEM), fetch what a file
/// names from somewhere else (WMS, WMTS, HTTP, STACIT, databases) or render documents (PDF).
/// </summary>
internal static class AllowedDrivers
{
    private static readonly string[] Names =
    [
        "GTiff", "COG", "VRT", "JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "JP2Lura", "JPEG2000", "Zarr", "netCDF", "HDF5", "HDF5Image", "BAG", "HDF4", "HDF4Image",
        "SENTINEL2", "SAFE", "ENVI", "EHdr", "HFA", "GRIB", "NITF", "PNG", "JPEG", "JPEGXL", "WEBP", "GIF", "BMP", "AAIGrid", "AIG", "SRTMHGT", "DTED", "USGSDEM", "GSBG", "GS7BG",
        "RST", "SAGA", "ILWIS", "ERS", "PCIDSK", "PCRaster", "PDS", "PDS4", "VICAR", "ISIS3", "KEA", "RRASTER", "TIL", "DIMAP", "RS2", "TSX", "COSAR", "SAR_CEOS", "CEOS", "ESAT",
        "ISCE", "ROI_PAC", "FITS", "LIBERTIFF", "HEIF", "AVIF",
    ];

    private static readonly Lazy<GdalStringList> List = new(() => new GdalStringList(Names));

    /// <summary>The list for GDALOpenEx; lives as long as the process.</summary>
    public static nint Pointer => List.Value.Pointer;
}
