using EoOnnx.Runtime;
using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;
using Hangfire.Storage.Monitoring;
using Npgsql;

namespace EoOnnx.Queue;

/// <summary>Looks at a queue without changing what is on it.</summary>
public static class QueueMonitor
{
    /// <summary>Scenes of each state that <see cref="Read(QueueAddress, int)"/> lists unless told otherwise.</summary>
    public const int DefaultMost = 100;

    /// <summary>Reads what is on a queue.</summary>
    /// <param name="address">The queue.</param>
    /// <param name="most">Scenes of each state that are listed, 1 to 10000; all are counted.</param>
    /// <exception cref="QueueException">The database cannot be reached or refuses.</exception>
    public static QueueStatus Read(QueueAddress address, int most = DefaultMost)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (most is < 1 or > 10_000)
        {
            throw new ArgumentOutOfRangeException(nameof(most), most, "Of each state 1 to 10000 scenes can be listed (--most).");
        }

        try
        {
            return Read(address, QueueStorage.Open(address, QueueWorkerOptions.DefaultLostAfter).GetMonitoringApi(), most);
        }
        catch (NpgsqlException failure)
        {
            throw new QueueException($"The queue {address} does not answer: {(failure.InnerException ?? failure).Message}. What is on it stays there.", failure);
        }
    }

    private static QueueStatus Read(QueueAddress address, IMonitoringApi queue, int most)
    {
        var servers = queue.Servers();
        var names = servers.Select(server => server.Name).ToHashSet(StringComparer.Ordinal);
        var scenes = new List<QueuedSceneStatus>();
        Add(QueuedSceneState.Processing, queue.ProcessingJobs(0, most), item => item.Job, (scene, item) => scene with
        {
            Since = Utc(item.StartedAt), Worker = Shown(item.ServerId), Reason = names.Contains(item.ServerId) ? null : "its worker is gone; another takes it over",
        });
        Add(QueuedSceneState.Scheduled, queue.ScheduledJobs(0, most), item => item.Job, (scene, item) => scene with { Since = Utc(item.ScheduledAt), NextAttempt = Utc(item.EnqueueAt), Reason = ReasonOf(scene.Ticket) });
        Add(QueuedSceneState.Enqueued, Waiting(queue.EnqueuedJobs(QueuedScenes.Queue, 0, most)), item => item.Job, (scene, item) => scene with { Since = Utc(item.EnqueuedAt) });
        Add(QueuedSceneState.Failed, queue.FailedJobs(0, most), item => item.Job, (scene, item) => scene with { Since = Utc(item.FailedAt), Reason = item.ExceptionMessage ?? item.Reason });
        Add(QueuedSceneState.Succeeded, queue.SucceededJobs(0, most), item => item.Job, (scene, item) => scene with { Since = Utc(item.SucceededAt), Seconds = QueuedBatch.Result(item.Result)?.Seconds });
        var counts = queue.GetStatistics();
        return new QueueStatus($"{address}", new QueueCounts(counts.Processing, counts.Scheduled, counts.Enqueued, counts.Failed, queue.SucceededListCount()), [.. servers.Select(server => new QueueWorkerState(Shown(server.Name), server.WorkersCount, Utc(server.StartedAt)!.Value, Utc(server.Heartbeat))).OrderBy(worker => worker.Name, StringComparer.Ordinal)], scenes);

        // What the last change of state says; the list of scheduled scenes does not hold it.
        string? ReasonOf(string ticket) => queue.JobDetails(ticket)?.History.FirstOrDefault(change => change.StateName == ScheduledState.StateName)?.Reason;

        void Add<T>(QueuedSceneState state, IEnumerable<KeyValuePair<string, T>> jobs, Func<T, Job?> jobOf, Func<QueuedSceneStatus, T, QueuedSceneStatus> describe)
        {
            // A job that has left the state while the list was read has no entry.
            foreach (var (ticket, item) in jobs.Where(job => job.Value is not null))
            {
                scenes.Add(describe(Named(ticket, jobOf(item), state), item));
            }
        }
    }

    // A ticket stays in the queue until a worker fetches it, also when somebody has given its scene another state since.
    private static IEnumerable<KeyValuePair<string, EnqueuedJobDto>> Waiting(JobList<EnqueuedJobDto> jobs) => jobs.Where(job => job.Value?.State == EnqueuedState.StateName);

    private static QueuedSceneStatus Named(string ticket, Job? job, QueuedSceneState state)
    {
        var scene = SceneOf(job);
        return new QueuedSceneStatus(ticket, scene?.Name, scene?.Map, state, null, null, null, null, null);
    }

    /// <summary>The scene of a job; null when its task is of another version or damaged, which the worker that gets it says.</summary>
    internal static BatchScene? SceneOf(Job? job)
    {
        try
        {
            return job?.Args is [string task, ..] ? SceneTask.Parse(task).Scene : null;
        }
        catch (QueueException)
        {
            return null;
        }
    }

    // Hangfire names a worker machine:process:unique.
    private static string Shown(string server) => server.LastIndexOf(':') is var end and > 0 ? server[..end] : server;

    private static DateTimeOffset? Utc(DateTime? time) => time is { } known ? new DateTimeOffset(DateTime.SpecifyKind(known, DateTimeKind.Utc)) : null;
}
