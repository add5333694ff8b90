using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What the first run of a model has shown.</summary>
/// <param name="Scores">What the model gave: their shape; of the values nothing is used.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Bytes">What the process grew by.</param>
internal sealed record FirstRun(TensorData Scores, TimeSpan Took, long Bytes);

/// <summary>
/// What trial runs of a model have shown for a tile, a number of channels and an output. Remembered as long as the model, or the adapter that it ran
/// with, so that a batch of many small scenes does not try each model once more for every scene.
/// </summary>
internal sealed class ModelTrials
{
    private static readonly ConditionalWeakTable<object, ConcurrentDictionary<(PixelSize Tile, int Channels, string Output), ModelTrials>> Known = [];
    private readonly Lock _gate = new();
    private FirstRun? _firstRun;
    private IReadOnlyList<BatchRate>? _rates;

    /// <summary>The trials of a model, with an adapter or without.</summary>
    public static ModelTrials Of(EoModel model, EoAdapter? adapter, PixelSize tile, int channels, string output) =>
        Known.GetOrCreateValue((object?)adapter ?? model).GetOrAdd((tile, channels, output), _ => new ModelTrials());

    /// <summary>The first run, which is made unless it was.</summary>
    public FirstRun FirstRun(Func<TensorData> run)
    {
        lock (_gate)
        {
            return _firstRun ??= Measured(run);
        }
    }

    /// <summary>The rates of some batches, which are measured unless they were.</summary>
    public IReadOnlyList<BatchRate> Rates(Func<IReadOnlyList<BatchRate>> measure)
    {
        lock (_gate)
        {
            return _rates ??= measure();
        }
    }

    private static FirstRun Measured(Func<TensorData> run)
    {
        var (before, start) = (Environment.WorkingSet, Stopwatch.GetTimestamp());
        var scores = run();
        return new FirstRun(scores, Stopwatch.GetElapsedTime(start), Math.Max(0, Environment.WorkingSet - before));
    }
}
