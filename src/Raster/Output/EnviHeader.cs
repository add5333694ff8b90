using System.Globalization;

namespace EoOnnx.Raster;

/// <summary>The header with which GDAL reads raw pixels: ENVI Header Files, L3Harris Geospatial.</summary>
internal static class EnviHeader
{
    /// <summary>The header of pixels in the byte order of this machine.</summary>
    /// <param name="size">Columns and rows.</param>
    /// <param name="bands">Number of bands.</param>
    /// <param name="type">Pixel type.</param>
    /// <param name="interleave"><c>bil</c>: [row, band, column]; <c>bsq</c>: [band, row, column].</param>
    public static string Text(PixelSize size, int bands, RasterType type, string interleave) => string.Create(CultureInfo.InvariantCulture,
        $"ENVI\nsamples = {size.Width}\nlines = {size.Height}\nbands = {bands}\nheader offset = 0\nfile type = ENVI Standard\ndata type = {Code(type)}\ninterleave = {interleave}\nbyte order = {(BitConverter.IsLittleEndian ? 0 : 1)}\n");

    private static int Code(RasterType type) => type switch
    {
        RasterType.Byte => 1,
        RasterType.Int16 => 2,
        RasterType.Int32 => 3,
        RasterType.Float32 => 4,
        RasterType.Float64 => 5,
        RasterType.UInt16 => 12,
        _ => 13,
    };
}
