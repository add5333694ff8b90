using System.CommandLine;
using EoOnnx.Queue;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx batch status</c>: what is on a queue.</summary>
internal static class BatchStatusVerb
{
    public static Command Create(Terminal terminal)
    {
        var queue = SharedOptions.Optional<string>("--queue", $"The queue: {QueueVerbOptions.AddressForms}, which is also the default.", "address");
        var most = SharedOptions.WithDefault("--most", QueueMonitor.DefaultMost, "Scenes of each state that are listed; all are counted.", "n");
        var verb = new Verb("status", "Show what is on a queue: scenes that are mapped, wait, are tried again, failed (and why) or are done, and the workers.")
        {
            Example = "export PGPASSWORD=secret        # a PostgreSQL database, see docs/batch.md\neoonnx batch status --queue postgres://eoonnx@localhost/eoonnx",
        };
        verb.Add(queue);
        verb.Add(most);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed, (_, token) => Task.Run(() => QueueMonitor.Read(QueueAddress.Parse(parsed.GetValue(queue)), parsed.GetValue(most)), token), QueueStatusTable.Draw, cancellation));
        return verb;
    }
}
