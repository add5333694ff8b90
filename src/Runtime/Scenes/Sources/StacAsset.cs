using System.Globalization;
using System.Text.Json;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>The bands of an asset of a STAC item.</summary>
internal static class StacAsset
{
    /// <summary>Reads the bands, by any version of the standard: lists of bands, else the asset as one band called by its key.</summary>
    /// <param name="key">The asset's key.</param>
    /// <param name="asset">The asset.</param>
    /// <param name="path">GDAL's name of its file.</param>
    /// <param name="item">What holds for all assets.</param>
    /// <param name="choice">What the user says about Sentinel-2's offset.</param>
    public static IEnumerable<SourceBand> Bands(string key, JsonElement asset, string path, StacItem item, SentinelOffset choice)
    {
        var (eo, raster) = (List(asset, "bands") is { Count: > 0 } bands ? bands : List(asset, "eo:bands"), List(asset, "raster:bands"));
        var count = Math.Max(1, Math.Max(eo.Count, raster.Count));
        for (var i = 0; i < count; i++)
        {
            // Members of a band win over those of its asset, which hold for all its bands.
            var sources = new[] { i < eo.Count ? eo[i] : default, i < raster.Count ? raster[i] : default, asset };
            yield return Describe(key, i, count, sources, path, item, choice);
        }
    }

    /// <summary>A member that is text or a number, as text.</summary>
    public static string? Text(JsonElement element, string name) => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
        ? value.ValueKind switch { JsonValueKind.String => value.GetString(), JsonValueKind.Number => value.GetRawText(), _ => null } : null;

    private static SourceBand Describe(string key, int position, int count, JsonElement[] sources, string path, StacItem item, SentinelOffset choice)
    {
        string?[] given =
        [
            First(sources[..2], "name"), First(sources[..2], "common_name", "eo:common_name"), count == 1 ? key : null,
            Number(sources[..2], "center_wavelength", "eo:center_wavelength") is { } micrometres ? string.Create(CultureInfo.InvariantCulture, $"{micrometres:0.####} µm") : null,
        ];
        var names = given.OfType<string>().Where(name => name.Length > 0 && !(item.IsLandsat && IsNumbered(name))).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        // An archive may call a band by a word of its own and know the common one, too.
        var name = names.Find(BandNames.IsOptical) ?? names.FirstOrDefault() ?? key;
        var (scale, offset) = (Number(sources, "scale", "raster:scale"), Number(sources, "offset", "raster:offset"));
        var optical = BandNames.IsOptical(name);
        var sentinel = item.IsSentinel2 && optical;
        return new SourceBand(name, path, position + 1)
        {
            OtherNames = [.. names.Where(other => other != name)],
            IsCategorical = BandNames.IsCategorical(name) || BandNames.IsCategorical(key),
            IsReflectance = optical && (sentinel || scale is not null),
            NoData = Number(sources, "nodata"),
            Scale = scale ?? (sentinel ? 1 / SentinelProduct.Quantification : null),
            Offset = sentinel ? item.Offset(offset, choice) : offset ?? (scale is null ? null : 0),
        };
    }

    // Landsat's B5 is not Sentinel-2's.
    private static bool IsNumbered(string name) => name.Length is 2 or 3 && name[0] is 'B' or 'b' && char.IsDigit(name[1]);

    private static List<JsonElement> List(JsonElement asset, string name) => asset.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : [];

    private static string? First(IEnumerable<JsonElement> sources, params string[] names) => sources.SelectMany(source => names.Select(name => Text(source, name))).FirstOrDefault(text => text is not null);

    private static double? Number(IEnumerable<JsonElement> sources, params string[] names) =>
        First(sources, names) is { } text ? text.Equals("nan", StringComparison.OrdinalIgnoreCase) ? double.NaN
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null : null;
}
