using System.CommandLine;
using EoOnnx.Queue;
using EoOnnx.Runtime;

namespace EoOnnx.Cli;

/// <summary>The options that hand a batch to workers instead of mapping it here.</summary>
internal sealed class QueueVerbOptions
{
    /// <summary>What <c>--queue</c> takes.</summary>
    public const string AddressForms = "postgres://user@host/database, with the password in PGPASSWORD or ~/.pgpass; env: the whole address is in " + QueueAddress.Variable;

    private readonly Option<string?> _address = SharedOptions.Optional<string>("--queue", $"Put the scenes on a queue for 'eoonnx worker' on any machine: {AddressForms}.", "address");
    private readonly Option<bool> _wait = new("--wait") { Description = "With --queue: wait until all scenes are mapped, and write the summary." };

    /// <summary>Adds the options to a verb.</summary>
    public QueueVerbOptions(Command verb)
    {
        verb.Add(_address);
        verb.Add(_wait);
    }

    /// <summary>The queue, or null when the batch is mapped here.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="meaningless">Options that were given and concern mapping on this machine.</param>
    public QueueAddress? Read(ParseResult parsed, IEnumerable<Option> meaningless)
    {
        if (parsed.GetValue(_address) is not { } text)
        {
            return !parsed.GetValue(_wait) ? null : throw new UsageException("--wait belongs to --queue: without a queue, batch ends when all scenes are mapped.");
        }

        return meaningless.FirstOrDefault() is { } option
            ? throw new UsageException($"{option.Name} has no meaning with --queue, because the workers map. Give it to them: eoonnx worker --help lists what they take.")
            : QueueAddress.Parse(text);
    }

    /// <summary>Puts the scenes on the queue and, when asked to, waits for their maps.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="address">The queue.</param>
    /// <param name="tasks">The scenes.</param>
    /// <param name="folder">Where the summary goes.</param>
    /// <param name="progress">Told how far the workers are.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<object> RunAsync(ParseResult parsed, QueueAddress address, IReadOnlyList<SceneTask> tasks, string folder, ProgressSink progress, CancellationToken cancellation)
    {
        var queue = QueuedBatch.Open(address);
        var tickets = queue.Enqueue(tasks);
        if (!parsed.GetValue(_wait))
        {
            return new EnqueuedResult($"{address}", tasks.Count, tickets);
        }

        progress.Tell(new Step("queue", null, FormattableString.Invariant($"{tasks.Count} scenes wait for workers on {address}")));
        var journal = new BatchJournal(folder);
        var report = await queue.WaitAsync(tasks, tickets, progress.For<BatchProgress>(BatchResult.Describe), journal, cancellation);
        return BatchResult.Save(report, folder, cancellation.IsCancellationRequested, journal.Failure);
    }
}
