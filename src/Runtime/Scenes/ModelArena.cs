using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>
/// How much working memory a model needs for each further tile of a batch: measured once per model and tile by what the process
/// grows by between a call of one tile and a call of four.
/// </summary>
internal static class ModelArena
{
    private const int Larger = 4;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);
    private static readonly ConditionalWeakTable<EoModel, ConcurrentDictionary<(int Tile, string Output), long>> Known = [];

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

        var shape = model.ImageShape(Larger);
        var images = new float[TensorData.CountOf(shape)];
        var clock = Stopwatch.StartNew();
        Run(images.AsMemory(0, images.Length / Larger), model.ImageShape(1));
        if (clock.Elapsed > Longest)
        {
            bytes = model.FirstRunBytes; // four tiles would take too long: a tile more costs at most what the first did
        }
        else
        {
            try
            {
                var before = Environment.WorkingSet;
                Run(images, shape);
                bytes = Math.Max(0, Environment.WorkingSet - before) / (Larger - 1);
            }
            catch (ModelException failure) when (failure.IsOutOfMemory)
            {
                bytes = model.FirstRunBytes; // the run itself finds out how many tiles the device takes
            }
        }

        known[(model.Tile, model.Output)] = bytes;
        return bytes;

        void Run(Memory<float> tiles, long[] extents) => model.Model.Run(tiles, extents, [model.Output], options.Adapter, cancellation);
    }
}
