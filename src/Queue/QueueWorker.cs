using EoOnnx.Raster;
using EoOnnx.Runtime;
using Hangfire;
using Hangfire.Common;

namespace EoOnnx.Queue;

/// <summary>Takes scenes from a queue and maps them until it is told to end.</summary>
public static class QueueWorker
{
    /// <summary>Works.</summary>
    /// <param name="address">The queue.</param>
    /// <param name="options">How.</param>
    /// <param name="log">Told about every scene and every difficulty, from any thread.</param>
    /// <param name="cancellation">Ends the worker: scenes that are being mapped go back to the queue, and what is stored of them is continued by the next worker.</param>
    /// <exception cref="QueueException">The queue cannot be reached at the start. Later the worker waits for it.</exception>
    public static async Task<WorkerReport> RunAsync(QueueAddress address, QueueWorkerOptions options, IProgress<WorkerMessage> log, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(log);
        var roots = new AllowedRoots(options.Roots);
        QueueStorage.LogTo(log);
        using var models = new LoadedModels(BatchOptions.ShareModel(options.Model, options.Jobs));
        var scenes = new QueuedScenes(models, roots, options, log);
        var storage = QueueStorage.Open(address, options.LostAfter);
        var dashboard = options.DashboardPort is { } port ? await QueueDashboard.StartAsync(storage, $"eoonnx {address}", port, options.DashboardMayChange).ConfigureAwait(false) : null;
        try
        {
            if (dashboard is not null)
            {
                log.Report(new WorkerMessage("dashboard", dashboard.Url));
            }

            await WorkAsync(address, options, scenes, storage, log, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (dashboard is not null)
            {
                await dashboard.DisposeAsync().ConfigureAwait(false);
            }
        }

        return scenes.Report;
    }

    private static async Task WorkAsync(QueueAddress address, QueueWorkerOptions options, QueuedScenes scenes, JobStorage storage, IProgress<WorkerMessage> log, CancellationToken cancellation)
    {
        using (var server = new BackgroundJobServer(new BackgroundJobServerOptions
        {
            Queues = [QueuedScenes.Queue],
            WorkerCount = options.Jobs,
            Activator = new ScenesActivator(scenes),
            FilterProvider = Filters(options),
            SchedulePollingInterval = TimeSpan.FromSeconds(2),
            HeartbeatInterval = options.LostAfter / 5,
            ServerTimeout = options.LostAfter,
            ServerCheckInterval = options.LostAfter,
            StopTimeout = TimeSpan.Zero,
            ShutdownTimeout = TimeSpan.FromSeconds(30),
            CancellationCheckInterval = TimeSpan.FromSeconds(1),
        }, storage))
        {
            log.Report(new WorkerMessage("worker", FormattableString.Invariant($"takes scenes from {address}, {options.Jobs} at a time")));
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            log.Report(new WorkerMessage("worker", "ends; what it is mapping goes back to the queue"));
            server.SendStop();
            await server.WaitForShutdownAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    // What the method of the job says (its queue), and what this worker was told.
    private static JobFilterProviderCollection Filters(QueueWorkerOptions options)
    {
        var filters = new JobFilterCollection();
        filters.Add(new SceneHandoverFilter(options.MostHandovers, options.LostAfter / 4));
        filters.Add(options.RetryAfter.Count == 0 ? new AutomaticRetryAttribute { Attempts = 0, LogEvents = false } : new AutomaticRetryAttribute
        {
            Attempts = options.RetryAfter.Count, DelaysInSeconds = [.. options.RetryAfter.Select(pause => (int)pause.TotalSeconds)], LogEvents = false,
            ExceptOn = [typeof(QueueException), typeof(MapInUseException), typeof(ModelException), typeof(ArgumentException)],
        });
        return new JobFilterProviderCollection(new JobFilterAttributeFilterProvider(), filters);
    }

    private sealed class ScenesActivator(QueuedScenes scenes) : JobActivator
    {
        public override object ActivateJob(Type jobType) => scenes;
    }
}
