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
    /// <param name="manifest">What the model says about itself.</param>
    /// <param name="options">What the manifest does not say.</param>
    /// <param name="maps">Its outputs.</param>
    /// <param name="tile">Edge of its image in pixels.</param>
    /// <param name="edge">Edge of its maps in pixels.</param>
    public static SortedDictionary<string, string> Of(ModelManifest manifest, DeepnessOptions options, IReadOnlyList<DeepnessMap> maps, int tile, int edge)
    {
        var isFiner = manifest.Task == ModelTask.Regression && edge > tile;
        var keys = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [ModelType] = Json(manifest.Task == ModelTask.Segmentation ? "Segmentor" : isFiner ? "Superresolution" : "Regressor"),
            [TileSize] = Json(tile),
            [TilesSize] = Json(tile),
            [Overlap] = Json(isFiner ? 0 : Percent(manifest, tile, Math.Max(0, (tile - edge) / 2))),
            // x = (v·a + b − μ) / σ is (v / 255 − (μ − b) / 255a) / (σ / 255a).
            [Mean] = Json(manifest.Bands.Select(band => (band.Mean - manifest.ValueOffset) / (Divisor * manifest.ValueScale))),
            [Deviation] = Json(manifest.Bands.Select(band => band.StandardDeviation / (Divisor * manifest.ValueScale))),
        };
        if ((options.GroundResolutionMetres ?? manifest.GroundResolutionMetres) is { } metres)
        {
            keys[Resolution] = Json(metres * 100);
        }

        if (manifest.Task == ModelTask.Segmentation)
        {
            keys[ClassNames] = maps.Count == 1 ? Json(Names(maps[0])) : Json(maps.Select(Names));
            keys[Threshold] = Json(manifest.Threshold ?? (maps.Any(map => map.Channels == 1) ? 0.5 : 0));
            keys[SmallSegment] = Json(manifest.Median ?? 0);
        }
        else
        {
            keys[OutputScaling] = Json(options.OutputScaling * manifest.OutputScale);
        }

        return keys;
    }

    // Deepness puts 'background' in front of the one class of a sigmoid by itself.
    private static Dictionary<string, string> Names(DeepnessMap map)
    {
        var names = map.Classes.Count > 0 ? map.Classes.Select(item => item.Name) : Enumerable.Range(map.Channels == 1 ? 1 : 0, map.Channels).Select(id => $"class {id}");
        return names.TakeLast(map.Channels).Index().ToDictionary(item => item.Index.ToString(CultureInfo.InvariantCulture), item => item.Item);
    }

    // Whole percent of the tile. Maps of its middle must at least meet, so there the next larger one.
    private static int Percent(ModelManifest manifest, int tile, int border)
    {
        var overlap = manifest.Overlap ?? (2 * border) + ModelManifest.DefaultOverlap(tile - (2 * border));
        return border == 0 ? (int)Math.Round(100.0 * overlap / tile) : (int)Math.Ceiling(100.0 * Math.Max(overlap, 2 * border) / tile);
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value);
}
