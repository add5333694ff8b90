using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A folder with the tiles of Harmonized Landsat Sentinel-2: <c>HLS.S30.T33UUP.2020123T101031.v2.0.B02.tif</c>.</summary>
internal sealed class HlsSource : ISourceKind
{
    private const double Scale = 0.0001, Missing = -9999;

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        var files = !Directory.Exists(path) ? [] : Directory.EnumerateFiles(path, "HLS.?30.*.tif").Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0)
        {
            return null;
        }

        var granules = files.Select(Granule).Distinct().ToList();
        if (granules.Count > 1)
        {
            throw new RasterException($"{path} holds several HLS granules ({string.Join(", ", granules)}). Put each into a folder of its own.");
        }

        var parts = Path.GetFileName(files[0]).Split('.');
        return new SceneSource(path, [.. files.Select(file => Describe(file, isLandsat: parts[1] == "L30"))])
        {
            Date = parts.Length > 3 ? SceneDates.OfDayOfYear(parts[3]) : null,
            Notes = [$"HLS {parts[1]}: reflectance is the stored number times {Scale}."],
        };
    }

    public bool IsProduct(string folder) => Directory.EnumerateFiles(folder, "HLS.?30.*.tif").Any();

    private static SourceBand Describe(string file, bool isLandsat)
    {
        var suffix = Path.GetFileNameWithoutExtension(file).Split('.')[^1];
        if (suffix.Length == 3 && suffix[0] == 'B')
        {
            var name = isLandsat ? LandsatBands.OfOperational(suffix[1..]) ?? suffix : suffix;
            return BandNames.IsOptical(name)
                ? new SourceBand(name, file, 1) { IsReflectance = true, Scale = Scale, Offset = 0, NoData = Missing }
                : new SourceBand(name, file, 1);
        }

        return new SourceBand(suffix, file, 1) { IsCategorical = suffix == "Fmask" };
    }

    private static string Granule(string file) => Path.GetFileNameWithoutExtension(Path.GetFileNameWithoutExtension(file));
}
