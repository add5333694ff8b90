namespace EoOnnx.Queue;

/// <summary>Where a scene on a queue is.</summary>
public enum QueuedSceneState
{
    /// <summary>A worker is mapping it.</summary>
    Processing,

    /// <summary>It failed, or its map was in use: it is tried again.</summary>
    Scheduled,

    /// <summary>It waits for a worker.</summary>
    Enqueued,

    /// <summary>It was given up.</summary>
    Failed,

    /// <summary>Its map is there.</summary>
    Succeeded,
}

/// <summary>How many scenes of a queue are in each state. Those that succeeded are forgotten after a day.</summary>
/// <param name="Processing">Scenes that workers are mapping.</param>
/// <param name="Scheduled">Scenes that are tried again later.</param>
/// <param name="Enqueued">Scenes that wait for a worker.</param>
/// <param name="Failed">Scenes that were given up.</param>
/// <param name="Succeeded">Scenes with their map.</param>
public sealed record QueueCounts(long Processing, long Scheduled, long Enqueued, long Failed, long Succeeded);

/// <summary>A worker that the queue knows.</summary>
/// <param name="Name">Machine and process.</param>
/// <param name="Jobs">Scenes that it maps at a time.</param>
/// <param name="Started">When it began.</param>
/// <param name="Heartbeat">When it was last heard of.</param>
public sealed record QueueWorkerState(string Name, int Jobs, DateTimeOffset Started, DateTimeOffset? Heartbeat);

/// <summary>A scene that the queue knows.</summary>
/// <param name="Ticket">What the queue calls it.</param>
/// <param name="Scene">Its name; null when the task cannot be read.</param>
/// <param name="Map">Its map.</param>
/// <param name="State">Where it is.</param>
/// <param name="Since">Since when.</param>
/// <param name="Worker">Who maps it.</param>
/// <param name="Seconds">How long its map took.</param>
/// <param name="NextAttempt">When it is tried again.</param>
/// <param name="Reason">Why it failed, is tried again or stands still.</param>
public sealed record QueuedSceneStatus(string Ticket, string? Scene, string? Map, QueuedSceneState State, DateTimeOffset? Since, string? Worker, double? Seconds, DateTimeOffset? NextAttempt, string? Reason);

/// <summary>What is on a queue, as its database says it.</summary>
/// <param name="Queue">The queue, without its password.</param>
/// <param name="Counts">How many scenes are in each state.</param>
/// <param name="Workers">Who maps.</param>
/// <param name="Scenes">Scenes, by state; of each state at most as many as were asked for.</param>
public sealed record QueueStatus(string Queue, QueueCounts Counts, IReadOnlyList<QueueWorkerState> Workers, IReadOnlyList<QueuedSceneStatus> Scenes);
