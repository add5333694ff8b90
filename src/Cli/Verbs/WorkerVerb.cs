using System.CommandLine;
using EoOnnx.Queue;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx worker</c>: maps the scenes that <c>eoonnx batch --queue</c> has put on a queue.</summary>
internal static class WorkerVerb
{
    public static Command Create(Terminal terminal)
    {
        var queue = SharedOptions.Optional<string>("--queue", $"The queue: {QueueVerbOptions.AddressForms}, which is also the default.", "address");
        var jobs = SharedOptions.WithDefault("--jobs", 1, "Scenes at a time; those of one batch share the model.", "n");
        var roots = new Option<string[]>("--root") { Description = "A folder, or the beginning of URLs, below which scenes, models and maps may lie; repeatable. Default: this folder.", HelpName = "folder|url", Arity = ArgumentArity.OneOrMore };
        var lostAfter = SharedOptions.WithDefault("--lost-after", (int)QueueWorkerOptions.DefaultLostAfter.TotalSeconds, "Take over scenes whose worker has been silent for so long; the same for all workers.", "seconds");
        var retryAfter = new Option<int[]>("--retry-after") { Description = "When a scene that failed is tried again: seconds before each further attempt. Default: 5,30,120.", HelpName = "seconds,…", CustomParser = Lists.Integers };
        var giveUpAfter = SharedOptions.WithDefault("--give-up-after", QueueWorkerOptions.DefaultMostHandovers, "Workers that may be lost over a scene before it fails.", "workers");
        var dashboard = new Option<int?>("--dashboard") { Description = $"Show the queue as pages for a browser on this machine; 0 takes a free port. Default port: {QueueWorkerOptions.DefaultDashboardPort}.", HelpName = "port", Arity = ArgumentArity.ZeroOrOne };
        var dashboardMayChange = new Option<bool>("--dashboard-write") { Description = "Let the pages put scenes back on the queue and remove them. Whoever is logged in to this machine can." };
        var allowExternalVrt = SceneGridOptions.AllowExternalVrt();
        var loading = new LoadingOptions();
        var verb = new Verb("worker", "Map scenes from a queue until told to end (Ctrl-C or SIGTERM): unfinished ones go back and are continued by the next worker.")
        {
            Example = "export PGPASSWORD=secret        # a PostgreSQL database, see docs/batch.md\neoonnx worker --queue postgres://eoonnx@localhost/eoonnx --root demo --root maps",
        };
        foreach (var option in (Option[])[queue, jobs, roots, lostAfter, retryAfter, giveUpAfter, dashboard, dashboardMayChange, allowExternalVrt, .. loading.All])
        {
            verb.Add(option);
        }

        verb.SetAction((parsed, cancellation) => terminal.RunAsync(parsed, async (progress, token) =>
        {
            var options = new QueueWorkerOptions
            {
                Roots = parsed.GetValue(roots) is { Length: > 0 } given ? given : ["."],
                Jobs = parsed.GetValue(jobs),
                LostAfter = TimeSpan.FromSeconds(parsed.GetValue(lostAfter)),
                RetryAfter = parsed.GetValue(retryAfter) is { } pauses ? [.. pauses.Select(seconds => TimeSpan.FromSeconds(seconds))] : QueueWorkerOptions.DefaultRetryAfter,
                MostHandovers = parsed.GetValue(giveUpAfter),
                DashboardPort = parsed.GetResult(dashboard) is null ? null : parsed.GetValue(dashboard) ?? QueueWorkerOptions.DefaultDashboardPort,
                DashboardMayChange = parsed.GetValue(dashboardMayChange),
                Model = loading.Read(parsed),
                AllowExternalVrt = parsed.GetValue(allowExternalVrt),
            };
            return await QueueWorker.RunAsync(QueueAddress.Parse(parsed.GetValue(queue)), options, new Log(progress), token);
        }, Draw, cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, WorkerReport report) =>
        console.WriteLine(FormattableString.Invariant($"{report.Done} scenes mapped, {report.Skipped} skipped, {report.Failed} attempts failed, {report.Returned} scenes went back to the queue"));

    private sealed class Log(ProgressSink progress) : IProgress<WorkerMessage>
    {
        public void Report(WorkerMessage value) => progress.Tell(new Step(value.Subject, null, value.Text));
    }
}
