using System.Globalization;
using EoOnnx.Queue;
using Spectre.Console;

namespace EoOnnx.Cli;

/// <summary>What is on a queue, for a person.</summary>
internal static class QueueStatusTable
{
    /// <summary>Shows workers, scenes and counts.</summary>
    public static void Draw(IAnsiConsole console, QueueStatus status)
    {
        if (status.Workers.Count > 0)
        {
            var workers = new Table().Border(TableBorder.Simple).AddColumns("worker", "jobs", "since (UTC)", "heard of (UTC)");
            foreach (var worker in status.Workers)
            {
                workers.AddRow(new Text(worker.Name), new Text(worker.Jobs.ToString(CultureInfo.InvariantCulture)), Time(worker.Started), Time(worker.Heartbeat));
            }

            console.Write(workers);
        }

        if (status.Scenes.Count > 0)
        {
            var scenes = new Table().Border(TableBorder.Simple).AddColumns("scene", "state", "since (UTC)", "worker", "seconds", "next (UTC)", "reason");
            foreach (var scene in status.Scenes)
            {
                scenes.AddRow(new Text(scene.Scene ?? $"ticket {scene.Ticket}"), new Text(Word(scene.State), Look(scene.State)), Time(scene.Since), new Text(scene.Worker ?? ""),
                    new Text(scene.Seconds?.ToString("F1", CultureInfo.InvariantCulture) ?? ""), Time(scene.NextAttempt), new Text(scene.Reason ?? ""));
            }

            console.Write(scenes);
        }

        var counts = status.Counts;
        console.WriteLine(FormattableString.Invariant(
            $"{status.Queue}: {counts.Processing} processing, {counts.Scheduled} scheduled, {counts.Enqueued} enqueued, {counts.Failed} failed, {counts.Succeeded} succeeded; {status.Workers.Count} workers"));
    }

    private static Text Time(DateTimeOffset? time) => new(time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "");

    private static string Word(QueuedSceneState state) => state.ToString().ToLowerInvariant();

    private static Style Look(QueuedSceneState state) => new(state switch
    {
        QueuedSceneState.Failed => Color.Red,
        QueuedSceneState.Scheduled => Color.Yellow,
        QueuedSceneState.Succeeded => Color.Green,
        _ => Color.Default,
    });
}
