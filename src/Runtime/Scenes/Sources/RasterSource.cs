using System.Globalization;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Any raster that GDAL opens.</summary>
internal sealed class RasterSource : ISourceKind
{
    private static readonly string[] DateTags = ["DATETIME", "datetime", "ACQUISITION_DATE", "ACQUISITIONDATETIME", "SENSING_TIME", "PRODUCT_START_TIME", "DATE_ACQUIRED", "TIFFTAG_DATETIME"];

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        using var raster = RasterDataset.Open(path, context.Access);
        return new SceneSource(raster.Path, [.. Bands(path, raster, context.Offset)]) { Date = DateOf(raster.Metadata), IsPlainRaster = context.Offset == SentinelOffset.Auto, Notes = Notes(context.Offset) };
    }

    /// <summary>The bands of a raster; a single one without a name is called as its file says.</summary>
    internal static IEnumerable<SourceBand> Bands(string path, RasterDataset raster, SentinelOffset offset)
    {
        foreach (var band in raster.Bands)
        {
            var name = band.Name.Length == 0 && raster.Bands.Count == 1 ? BandNames.OfFile(path) : band.Name;
            var categorical = BandNames.IsCategorical(name) || band.CategoryNames.Count > 0 || band.Colors.Count > 0;
            var stated = offset != SentinelOffset.Auto && !categorical;
            yield return new SourceBand(name, path, band.Index)
            {
                OtherNames = band.OtherNames,
                IsCategorical = categorical,
                IsReflectance = stated,
                Scale = stated ? 1 / SentinelProduct.Quantification : null,
                Offset = stated ? offset == SentinelOffset.Yes ? SentinelProduct.DefaultOffset / SentinelProduct.Quantification : 0 : null,
            };
        }
    }

    /// <summary>When a raster was recorded, by its tags.</summary>
    internal static DateTimeOffset? DateOf(IReadOnlyDictionary<string, string> tags)
    {
        foreach (var tag in DateTags)
        {
            if (tags.TryGetValue(tag, out var text) && SceneDates.TryParse(text.Split(';')[0], out var date))
            {
                return date;
            }
        }

        return null;
    }

    private static IReadOnlyList<string> Notes(SentinelOffset offset) => offset == SentinelOffset.Auto ? []
        : [string.Create(CultureInfo.InvariantCulture, $"Values are taken as Sentinel-2 digital numbers, {(offset == SentinelOffset.Yes ? "with" : "without")} the offset of {SentinelProduct.DefaultOffset} (--s2-offset).")];
}
