using System.Globalization;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// The range of each band of an embedding, found by embedding tiles that are spread evenly over the scene. A range is widened by a tenth
/// on both sides and rounded to three digits, so that it does not depend on the last bits of the model.
/// </summary>
internal static class EmbeddingRanges
{
    private const int SampledTiles = 16;
    private const float Margin = 0.1f;

    /// <summary>Smallest and largest number of each band.</summary>
    /// <exception cref="RasterException">The scene cannot be read, or none of the sampled tiles has a valid pixel.</exception>
    public static IReadOnlyList<(float Low, float High)> Find(EoModel model, RasterDataset scene, TilePlan plan, PixelWindow window, int bands, SceneOptions options, CancellationToken cancellation)
    {
        var (low, high) = (new float[bands], new float[bands]);
        Array.Fill(low, float.PositiveInfinity);
        Array.Fill(high, float.NegativeInfinity);
        foreach (var tile in Spread(plan))
        {
            var part = tile.Read.Within(plan.Scene);
            var embedding = new ScenePipeline(model).MapAsync(scene, options with
            {
                Window = part with { X = part.X + window.X, Y = part.Y + window.Y },
                Bounds = null,
                Embedding = options.WantedEmbedding! with { Storage = EmbeddingStorage.Single },
                Companions = new MapCompanions(),
                InputCheck = InputCheck.Off,
                Memory = null,
                PanelTiles = null,
            }, progress: null, cancellation).GetAwaiter().GetResult();
            for (var band = 0; band < bands; band++)
            {
                foreach (var value in embedding.Band<float>(band + 1))
                {
                    if (float.IsFinite(value))
                    {
                        (low[band], high[band]) = (Math.Min(low[band], value), Math.Max(high[band], value));
                    }
                }
            }
        }

        return low[0] <= high[0] ? [.. low.Zip(high, Widened)]
            : throw new RasterException($"None of {SampledTiles} sampled tiles of {scene.Name} has a valid pixel, so the range of the embedding is not known. Store it with --type float16 (EmbeddingStorage.Half).");
    }

    private static IEnumerable<TileWindow> Spread(TilePlan plan)
    {
        var count = (int)Math.Min(SampledTiles, plan.Count);
        return Enumerable.Range(0, count).Select(i => (long)((i + 0.5) * plan.Count / count)).Select(position => plan[(int)(position / plan.X.Count), (int)(position % plan.X.Count)]);
    }

    private static (float Low, float High) Widened(float low, float high)
    {
        var margin = high > low ? Margin * (high - low) : Math.Max(1e-3f, Margin * Math.Abs(high));
        return (Rounded(low - margin), Rounded(high + margin));
    }

    private static float Rounded(float value) => float.Parse(value.ToString("E2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
