using System.Globalization;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>When a scene was taken, as far as its tags say so.</summary>
public static class SceneTime
{
    // Sentinel-2, HLS, GDAL's imagery domain, Landsat, general.
    private static readonly string[] Keys = ["DATATAKE_1_DATATAKE_SENSING_START", "PRODUCT_START_TIME", "SENSING_TIME", "ACQUISITIONDATETIME", "DATE_ACQUIRED", "datetime"];

    /// <summary>The time in UTC; null when no tag names one.</summary>
    public static DateTimeOffset? Find(RasterDataset scene)
    {
        var texts = Keys.Select(key => scene.FindMetadata(key)).Append(scene.FindMetadata("ACQUISITIONDATETIME", "IMAGERY"));
        foreach (var text in texts.OfType<string>())
        {
            // HLS lists one time for each granule: the first counts.
            if (DateTimeOffset.TryParse(text.Split(';')[0], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            {
                return time;
            }
        }

        return null;
    }
}
