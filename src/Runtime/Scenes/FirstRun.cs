using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>
/// What the first run of a model has shown: the shape of its scores, and what it took. Remembered as long as the model, or the adapter
/// that it ran with, so that a batch of many small scenes does not run each model once more for every scene.
/// </summary>
/// <param name="Scores">What the model gave; of its values nothing is used.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Bytes">What the process grew by.</param>
internal sealed record FirstRun(TensorData Scores, TimeSpan Took, long Bytes)
{
    private static readonly ConditionalWeakTable<object, ConcurrentDictionary<(int Tile, int Channels, string Output), FirstRun>> Known = [];

    /// <summary>Runs the model unless that was done.</summary>
    public static FirstRun Of(EoModel model, EoAdapter? adapter, int tile, int channels, string output, Func<TensorData> run)
    {
        var known = Known.GetOrCreateValue((object?)adapter ?? model);
        if (known.TryGetValue((tile, channels, output), out var first))
        {
            return first;
        }

        var (before, start) = (Environment.WorkingSet, Stopwatch.GetTimestamp());
        var scores = run();
        return known[(tile, channels, output)] = new FirstRun(scores, Stopwatch.GetElapsedTime(start), Math.Max(0, Environment.WorkingSet - before));
    }
}
