using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// How much working memory a model needs for each further tile of a batch: where the user states what the run may use, measured once
/// per model and tile by what the process grows by between a call of one tile and a call of four; else what the first tile took.
/// </summary>
internal static class ModelArena
{
    private const int Larger = 4;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);
    private static readonly ConditionalWeakTable<EoModel, ConcurrentDictionary<(PixelSize Tile, string Output), long>> Known = [];

    /// <summary>Bytes for each further tile.</summary>
    /// <param name="model">The model; one tile has been run before.</param>
    /// <param name="options">Options of the run.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    public static long PerTile(SceneModel model, SceneOptions options, CancellationToken cancellation)
    {
        if (model.BatchIsFixed || model.Batch == 1)
        {
            return 0;
        }

        var known = Known.GetOrCreateValue(model.Model);
        if (known.TryGetValue((model.Tile, model.Output), out var bytes))
        {
            return bytes;
        }

        if (options.Memory is null || model.FirstRun > Longest)
        {
            return model.FirstRunBytes; // a tile more costs at most what the first did; four would take their time
        }

        var shape = model.ImageShape(Larger);
        var images = new float[TensorData.CountOf(shape)];
        Array.Fill(images, 1); // pages that are counted before, not with the model's
        try
        {
            var before = Environment.WorkingSet;
            model.Try(images, shape, options.Adapter, cancellation);
            return known[(model.Tile, model.Output)] = Math.Max(0, Environment.WorkingSet - before) / (Larger - 1);
        }
        catch (ModelException failure) when (failure.IsOutOfMemory)
        {
            return model.FirstRunBytes; // the run itself finds out how many tiles the device takes
        }
    }
}
