using EoOnnx.Raster;
using EoOnnx.Runtime;
using Hangfire;

namespace EoOnnx.Queue;

/// <summary>The one kind of job of the queue. Doing one twice does no harm: a finished map of the same job is kept, its lock admits one run at a time.</summary>
/// <param name="models">The worker's models.</param>
/// <param name="roots">What tasks may name.</param>
/// <param name="worker">How the worker works.</param>
/// <param name="log">Told about every scene.</param>
internal sealed class QueuedScenes(LoadedModels models, AllowedRoots roots, QueueWorkerOptions worker, IProgress<WorkerMessage> log)
{
    public const string Queue = "scenes";

    private int _done;
    private int _skipped;
    private int _failed;
    private int _returned;

    /// <summary>What was done so far.</summary>
    public WorkerReport Report => new(Volatile.Read(ref _done), Volatile.Read(ref _skipped), Volatile.Read(ref _failed), Volatile.Read(ref _returned));

    /// <summary>Maps the scene of a task.</summary>
    /// <param name="task">A <see cref="SceneTask"/> as text: the database holds no name of a type but that of this class.</param>
    /// <param name="cancellation">The worker is about to end, or another has taken the scene over: what is stored of its map is continued.</param>
    /// <returns>The outcome as text.</returns>
    [Queue(Queue)]
    public async Task<string> MapAsync(string task, CancellationToken cancellation)
    {
        var name = "task";
        try
        {
            var work = SceneTask.Parse(task);
            name = work.Scene.Name;
            roots.Check(work);
            Tell("begins");
            using var lease = models.Take(work.Model, work.Adapter);
            var options = BatchOptions.Share(work.Options, worker.Jobs, lease.ProcessBytes) with { Adapter = lease.Adapter };
            var outcome = await new SceneMapper(lease.Model).MapAsync(work.Scene with { Request = work.Scene.Request with { AllowExternalVrt = worker.AllowExternalVrt } }, options, null, cancellation).ConfigureAwait(false);
            Interlocked.Increment(ref outcome.Status == SceneStatus.Skipped ? ref _skipped : ref _done);
            Tell(FormattableString.Invariant($"{outcome.Status.ToString().ToLowerInvariant()}, {outcome.Seconds:F1} s"));
            return SceneTask.Write(outcome);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Interlocked.Increment(ref _returned);
            Tell("goes back to the queue");
            throw;
        }
        catch (MapInUseException)
        {
            Tell("waits: another run is making its map");
            throw;
        }
        catch (Exception failure)
        {
            Interlocked.Increment(ref _failed);
            Tell($"failed: {failure.Message}");
            throw;
        }

        void Tell(string text) => log.Report(new WorkerMessage(name, text));
    }
}
