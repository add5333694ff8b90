using System.Globalization;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>Makes virtual rasters that pick bands or lay them on another grid.</summary>
internal static unsafe class VirtualWarp
{
    /// <summary>A VRT of some bands of a raster.</summary>
    /// <param name="source">The raster.</param>
    /// <param name="path">The VRT, in <c>/vsimem/</c>.</param>
    /// <param name="bands">1-based bands.</param>
    /// <param name="missing">What the VRT declares as missing; null declares none.</param>
    public static void Pick(RasterDataset source, string path, IReadOnlyList<int> bands, double? missing)
    {
        using var remote = source.EnterRemote();
        using var input = GdalDatasetHandle.Open(source.GdalName);
        using var arguments = new GdalStringList(["-of", "VRT", .. bands.SelectMany(band => (string[])["-b", band.ToString(CultureInfo.InvariantCulture)]),
            "-a_nodata", missing is { } value ? double.IsNaN(value) ? "nan" : value.ToString("R", CultureInfo.InvariantCulture) : "none"]);
        var options = Gdal.GDALTranslateOptionsNew(arguments.Pointer, 0);
        try
        {
            int usageError;
            Gdal.CPLErrorReset();
            using var result = Gdal.GDALTranslate(path, input, options, &usageError).Checked($"Cannot take bands of {source.Path}");
        }
        finally
        {
            Gdal.GDALTranslateOptionsFree(options);
        }
    }

    /// <summary>Writes a warped VRT, as gdalwarp makes it.</summary>
    /// <param name="input">GDAL's name of the raster to warp.</param>
    /// <param name="path">The VRT, in <c>/vsimem/</c>.</param>
    /// <param name="arguments">As gdalwarp takes them.</param>
    /// <param name="origin">The raster that the pixels come from, for messages and for access to servers.</param>
    public static void Warp(string input, string path, IReadOnlyList<string> arguments, RasterDataset origin)
    {
        using var remote = origin.EnterRemote();
        using var source = GdalDatasetHandle.Open(input);
        using var list = new GdalStringList(["-of", "VRT", .. arguments]);
        var options = Gdal.GDALWarpAppOptionsNew(list.Pointer, 0);
        try
        {
            int usageError;
            var handle = source.DangerousGetHandle();
            Gdal.CPLErrorReset();
            // Closed here, before what it reads from: GDALClose deletes a source whoever still refers to it. Closing writes the description.
            using var result = Gdal.GDALWarp(path, 0, 1, &handle, options, &usageError).Checked($"Cannot lay {origin.Path} on another grid");
        }
        finally
        {
            Gdal.GDALWarpAppOptionsFree(options);
        }
    }
}
