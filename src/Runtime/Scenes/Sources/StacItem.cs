using System.Globalization;
using System.Text.Json;

namespace EoOnnx.Runtime;

/// <summary>What a STAC item says about all its assets.</summary>
/// <param name="Date">When it was recorded.</param>
/// <param name="Platform">For example <c>sentinel-2a</c>; lower case.</param>
/// <param name="Baseline">Sentinel-2's processing baseline.</param>
/// <param name="OffsetIsApplied">The archive has already taken Sentinel-2's offset off; null when it does not say.</param>
internal sealed record StacItem(DateTimeOffset? Date, string Platform, double? Baseline, bool? OffsetIsApplied)
{
    private const double FirstBaselineWithOffset = 4;

    public bool IsSentinel2 => Platform.StartsWith("sentinel-2", StringComparison.Ordinal);

    public bool IsLandsat => Platform.StartsWith("landsat", StringComparison.Ordinal);

    /// <summary>Reads an item.</summary>
    public static StacItem Of(JsonElement item)
    {
        if (!item.TryGetProperty("properties", out var properties) || properties.ValueKind != JsonValueKind.Object)
        {
            return new StacItem(null, "", null, null);
        }

        var time = StacAsset.Text(properties, "datetime") ?? StacAsset.Text(properties, "start_datetime");
        var baseline = StacAsset.Text(properties, "s2:processing_baseline") ?? StacAsset.Text(properties, "processing:version");
        var platform = (StacAsset.Text(properties, "platform") ?? StacAsset.Text(properties, "constellation") ?? StacAsset.Text(item, "collection") ?? "").ToLowerInvariant();
        return new StacItem(
            time is not null && SceneDates.TryParse(time, out var date) ? date : null, platform,
            double.TryParse(baseline, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null,
            properties.TryGetProperty("earthsearch:boa_offset_applied", out var applied) && applied.ValueKind is JsonValueKind.True or JsonValueKind.False ? applied.GetBoolean() : null);
    }

    /// <summary>The offset of a Sentinel-2 band in reflectance.</summary>
    /// <param name="declared">What the asset declares.</param>
    /// <param name="choice">What the user says.</param>
    public double Offset(double? declared, SentinelOffset choice) => choice switch
    {
        SentinelOffset.No => 0,
        SentinelOffset.Yes => SentinelProduct.DefaultOffset / SentinelProduct.Quantification,
        // Some archives declare the offset and have applied it, too: what they say about having applied it wins.
        _ => OffsetIsApplied == true ? 0 : declared ?? (Baseline >= FirstBaselineWithOffset ? SentinelProduct.DefaultOffset / SentinelProduct.Quantification : 0),
    };

    /// <summary>The decision about the offset and its reason; null for other satellites.</summary>
    public string? Explain(SentinelOffset choice) => !IsSentinel2 ? null : string.Create(CultureInfo.InvariantCulture,
        $"Sentinel-2 item, baseline {(Baseline is { } baseline ? baseline.ToString("00.00", CultureInfo.InvariantCulture) : "not stated")}: {(choice, OffsetIsApplied) switch
        {
            (SentinelOffset.Yes, _) => "the offset is applied (--s2-offset yes)",
            (SentinelOffset.No, _) => "no offset is applied (--s2-offset no)",
            (_, true) => "no offset is applied, the archive has taken it off (earthsearch:boa_offset_applied)",
            _ => Baseline >= FirstBaselineWithOffset ? "the offset is applied, once" : "only offsets that assets declare are applied",
        }}.");
}
