using EoOnnx.Runtime;

namespace EoOnnx.Queue;

/// <summary>How a worker works.</summary>
public sealed record QueueWorkerOptions
{
    /// <summary>Folders, and beginnings of URLs, below which tasks may read and write.</summary>
    public required IReadOnlyList<string> Roots { get; init => field = value is { Count: > 0 } ? value
        : throw new ArgumentOutOfRangeException(nameof(Roots), value, "A worker needs at least one folder below which tasks may read and write (--root)."); }

    /// <summary>Scenes at a time; they share models.</summary>
    public int Jobs { get; init => field = value is >= 1 and <= 256 ? value
        : throw new ArgumentOutOfRangeException(nameof(Jobs), value, "The number of scenes at a time (--jobs) must be 1 to 256."); } = 1;

    /// <summary>When a scene that failed, perhaps in passing, is tried again: one pause for each further attempt. Empty tries once.</summary>
    public IReadOnlyList<TimeSpan> RetryAfter { get; init => field = value is { Count: <= 100 } && value.All(pause => pause >= TimeSpan.Zero && pause <= TimeSpan.FromDays(1)) ? value
        : throw new ArgumentOutOfRangeException(nameof(RetryAfter), value, "Up to 100 pauses of at most a day stand between attempts (--retry-after)."); } = DefaultRetryAfter;

    /// <summary>5, 30 and 120 seconds.</summary>
    public static IReadOnlyList<TimeSpan> DefaultRetryAfter { get; } = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120)];

    /// <summary>Workers that may be lost over a scene, or be told to end while they map it, before it is given up.</summary>
    public int MostHandovers { get; init => field = value is >= 1 and <= 10_000 ? value
        : throw new ArgumentOutOfRangeException(nameof(MostHandovers), value, "A scene is given up after 1 to 10000 workers (--give-up-after)."); } = DefaultMostHandovers;

    /// <summary>Twenty.</summary>
    public const int DefaultMostHandovers = 20;

    /// <summary>How models are loaded.</summary>
    public EoModelOptions Model { get; init; } = new();

    /// <summary>Lets VRT files read outside their own folder; whatever a task says.</summary>
    public bool AllowExternalVrt { get; init; }

    /// <summary>The port of this machine on which pages show the queue, 0 for a free one; null shows none.</summary>
    public int? DashboardPort { get; init => field = value is null or >= 0 and <= 65_535 ? value
        : throw new ArgumentOutOfRangeException(nameof(DashboardPort), value, "The port of the dashboard (--dashboard) must be 0 to 65535."); }

    /// <summary>5380.</summary>
    public const int DefaultDashboardPort = 5380;

    /// <summary>Whether the pages can put scenes back on the queue and remove them.</summary>
    public bool DashboardMayChange { get; init; }

    /// <summary>A scene whose worker has been silent for so long is given to another. The same for all workers of a queue.</summary>
    public TimeSpan LostAfter { get; init => field = value >= TimeSpan.FromSeconds(5) && value <= TimeSpan.FromDays(1) ? value
        : throw new ArgumentOutOfRangeException(nameof(LostAfter), value, "A scene can be taken over after 5 seconds to one day of silence (--lost-after)."); } = DefaultLostAfter;

    /// <summary>One minute: workers are heard of every twelve seconds.</summary>
    public static TimeSpan DefaultLostAfter { get; } = TimeSpan.FromMinutes(1);
}
