using System.Diagnostics;

namespace EoOnnx.Runtime;

/// <summary>Maps many scenes with one model, several at a time. A scene that fails does not stop the others. Borrows the model.</summary>
/// <param name="model">The model; must outlive every run.</param>
public sealed class SceneBatch(EoModel model)
{
    private readonly SceneMapper _mapper = new(model);

    /// <summary>Maps all scenes.</summary>
    /// <param name="scenes">The scenes with their maps.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told about every batch of tiles and every scene that ends, from any thread.</param>
    /// <param name="cancellation">Ends the run; finished maps stay, unfinished ones are continued by the next run.</param>
    /// <returns>What became of every scene. Cancellation is no exception: scenes that were not mapped are <see cref="SceneStatus.Cancelled"/>.</returns>
    public async Task<BatchReport> RunAsync(IReadOnlyList<BatchScene> scenes, BatchOptions? options = null, IProgress<BatchProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scenes);
        options ??= new BatchOptions();
        var start = Stopwatch.GetTimestamp();
        var outcomes = scenes.Select(scene => SceneOutcome.Without(scene, SceneStatus.Cancelled)).ToArray();
        var tally = new BatchTally(scenes.Count, progress);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var sceneOptions = BatchOptions.Share(options.Scene, options.Jobs);
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, scenes.Count), new ParallelOptions { MaxDegreeOfParallelism = options.Jobs, CancellationToken = stop.Token }, async (index, token) =>
            {
                outcomes[index] = await MapAsync(scenes[index], sceneOptions, tally, options.Journal, token).ConfigureAwait(false);
                if (options.FailFast && outcomes[index].Status == SceneStatus.Failed)
                {
                    await stop.CancelAsync().ConfigureAwait(false);
                }
            }).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The outcomes say which scenes were left.
        }

        return new BatchReport(outcomes, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private async Task<SceneOutcome> MapAsync(BatchScene scene, SceneOptions options, BatchTally tally, BatchJournal? journal, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        SceneOutcome outcome;
        journal?.Start(scene);
        try
        {
            outcome = await _mapper.MapAsync(scene, options, tally.For(scene), cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            journal?.End(SceneOutcome.Without(scene, SceneStatus.Cancelled, Stopwatch.GetElapsedTime(start).TotalSeconds));
            throw;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Whatever it is, it is told in the summary and concerns this scene only.
            outcome = SceneOutcome.Without(scene, SceneStatus.Failed, Stopwatch.GetElapsedTime(start).TotalSeconds, failure.Message);
        }

        journal?.End(outcome);
        tally.End(scene, outcome);
        return outcome;
    }
}
