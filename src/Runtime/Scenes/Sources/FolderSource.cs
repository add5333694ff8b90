using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A folder of rasters: all their bands together.</summary>
internal sealed class FolderSource : ISourceKind
{
    private static readonly string[] Extensions = [".tif", ".tiff", ".jp2", ".vrt", ".img", ".nc"];

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        // A folder may itself be a raster, as Zarr stores are.
        if (!Directory.Exists(path) || path.TrimEnd('/').EndsWith(".zarr", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var files = Directory.EnumerateFiles(path).Where(file => Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0)
        {
            throw new RasterException($"The folder {path} holds no raster ({string.Join(", ", Extensions)}), no Sentinel-2 product (MTD_MSIL2A.xml), no Landsat product (*_MTL.json) and no HLS tiles. Name the files of the scene.");
        }

        var sources = files.Select(file => new RasterSource().TryOpen(file, context)!).ToList();
        return new SceneSource(path, [.. sources.SelectMany(source => source.Bands)]) { Date = sources.Select(source => source.Date).FirstOrDefault(date => date is not null), Notes = [.. sources.SelectMany(source => source.Notes).Distinct()] };
    }
}
