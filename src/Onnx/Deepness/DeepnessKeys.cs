using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>The keys in <c>metadata_props</c> that QGIS Deepness reads. Every value is text that holds JSON.</summary>
internal static class DeepnessKeys
{
    public const string ModelType = "model_type";
    public const string ClassNames = "class_names";
    public const string Resolution = "resolution";
    public const string TileSize = "tile_size";
    public const string TilesSize = "tiles_size";
    public const string Overlap = "tiles_overlap";
    public const string Mean = "standardization_mean";
    public const string Deviation = "standardization_std";
    public const string Threshold = "seg_thresh";
    public const string SmallSegment = "seg_small_segment";
    public const string OutputScaling = "reg_output_scaling";

    /// <summary>Deepness divides every value by this before it standardises.</summary>
    public const double Divisor = 255;

    /// <summary>The keys for a model whose input is one square image.</summary>
    public static SortedDictionary<string, string> Of(ModelManifest manifest, DeepnessOptions options, int tile, int channels)
    {
        var keys = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [ModelType] = Json(manifest.Task == ModelTask.Segmentation ? "Segmentor" : "Regressor"),
            [TileSize] = Json(tile),
            [TilesSize] = Json(tile),
            // x = (v·a + b − μ) / σ is (v / 255 − (μ − b) / 255a) / (σ / 255a).
            [Mean] = Json(manifest.Bands.Select(band => (band.Mean - manifest.ValueOffset) / (Divisor * manifest.ValueScale))),
            [Deviation] = Json(manifest.Bands.Select(band => band.StandardDeviation / (Divisor * manifest.ValueScale))),
        };
        if ((options.GroundResolutionMetres ?? manifest.GroundResolutionMetres) is { } metres)
        {
            keys[Resolution] = Json(metres * 100);
        }

        if (manifest.Overlap is { } overlap)
        {
            keys[Overlap] = Json((int)Math.Round(100.0 * overlap / tile));
        }

        if (manifest.Task == ModelTask.Segmentation)
        {
            // Deepness puts 'background' in front of the one class of a sigmoid by itself.
            var names = manifest.Classes.Count > 0 ? manifest.Classes.Select(item => item.Name) : Enumerable.Range(channels == 1 ? 1 : 0, channels).Select(id => $"class {id}");
            keys[ClassNames] = Json(names.TakeLast(channels).Index().ToDictionary(item => item.Index.ToString(CultureInfo.InvariantCulture), item => item.Item));
            keys[Threshold] = Json(channels == 1 ? manifest.Threshold ?? 0.5 : manifest.Threshold ?? 0);
            keys[SmallSegment] = Json(manifest.Median ?? 0);
        }
        else
        {
            keys[OutputScaling] = Json(options.OutputScaling);
        }

        return keys;
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value);
}
