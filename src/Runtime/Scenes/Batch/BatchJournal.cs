using System.Globalization;
using System.Text.Json;
using Polly;
using Polly.Retry;

namespace EoOnnx.Runtime;

/// <summary>
/// What happened to the scenes of a folder of maps, one line an event: <c>batch.jsonl</c>. It is advice: whether a scene is done is what its map
/// says. Several processes write to it; a line that one was killed over is passed by. Safe to call from any thread.
/// </summary>
/// <param name="folder">The folder of the maps; made with the first line.</param>
public sealed class BatchJournal(string folder)
{
    /// <summary>Its name in the folder of the maps.</summary>
    public const string FileName = "batch.jsonl";

    // Whoever has the file open has it alone, for as long as a line takes. Up to about ten seconds are waited for it.
    private static readonly ResiliencePipeline Turns = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
    {
        ShouldHandle = new PredicateBuilder().Handle<IOException>(failure => failure is not (FileNotFoundException or DirectoryNotFoundException)),
        MaxRetryAttempts = 110, BackoffType = DelayBackoffType.Exponential, UseJitter = true, Delay = TimeSpan.FromMilliseconds(2), MaxDelay = TimeSpan.FromMilliseconds(100),
    }).Build();

    private static readonly string Writer = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}:{Environment.ProcessId}");
    private readonly string _folder = Path.GetFullPath(folder);
    private readonly Lock _gate = new();

    /// <summary>Why nothing is written to it any more; null while all is well. A batch does not end for want of advice.</summary>
    public string? Failure { get; private set; }

    private string Location => Path.Combine(_folder, FileName);

    /// <summary>A scene begins.</summary>
    public void Start(BatchScene scene)
    {
        ArgumentNullException.ThrowIfNull(scene);
        Append(new BatchJournalLine(BatchEvent.Start, scene.Name, NameOf(scene.Map), DateTimeOffset.UtcNow, Writer, null, null));
    }

    /// <summary>A scene has ended.</summary>
    public void End(SceneOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        var what = outcome.Status switch
        {
            SceneStatus.Done => BatchEvent.Done,
            SceneStatus.Skipped => BatchEvent.Skipped,
            SceneStatus.Failed => BatchEvent.Failed,
            _ => BatchEvent.Cancelled,
        };
        Append(new BatchJournalLine(what, outcome.Scene, NameOf(outcome.Map), DateTimeOffset.UtcNow, Writer, Math.Round(outcome.Seconds, 3), outcome.Error));
    }

    /// <summary>Those of some scenes of which the last that is known is that they failed.</summary>
    /// <exception cref="BatchException">There is no journal.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public IReadOnlyList<BatchScene> Failed(IEnumerable<BatchScene> scenes)
    {
        ArgumentNullException.ThrowIfNull(scenes);
        if (!File.Exists(Location))
        {
            throw new BatchException($"There is no {Location}, which says what failed. Give the same command without --retry-failed: it maps whatever has no map.");
        }

        var last = new Dictionary<string, BatchEvent>(StringComparer.Ordinal);
        foreach (var line in Turns.Execute(() => File.ReadAllLines(Location)))
        {
            if (Parse(line) is { Map: { } map } entry)
            {
                last[map] = entry.Event;
            }
        }

        return [.. scenes.Where(scene => last.TryGetValue(NameOf(scene.Map), out var what) && what == BatchEvent.Failed)];
    }

    // Machines may see the folder under several paths: below it, a map has one name.
    private string NameOf(string map) => Path.GetRelativePath(_folder, map).Replace('\\', '/');

    private void Append(BatchJournalLine line)
    {
        lock (_gate)
        {
            if (Failure is not null)
            {
                return;
            }

            try
            {
                Directory.CreateDirectory(_folder);
                Turns.Execute(() => Write([.. JsonSerializer.SerializeToUtf8Bytes(line, BatchJournalJson.Default.BatchJournalLine), (byte)'\n']));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                Failure = $"{Location} cannot be written: {failure.Message} The maps do not need it.";
            }
        }
    }

    private void Write(byte[] line)
    {
        using var file = new FileStream(Location, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        var end = file.Length;
        Span<byte> before = stackalloc byte[1];
        var torn = end > 0 && RandomAccess.Read(file.SafeFileHandle, before, end - 1) == 1 && before[0] != (byte)'\n';
        RandomAccess.Write(file.SafeFileHandle, torn ? [(byte)'\n', .. line] : line, end);
    }

    private static BatchJournalLine? Parse(string line)
    {
        try
        {
            return line.Length == 0 ? null : JsonSerializer.Deserialize(line, BatchJournalJson.Default.BatchJournalLine);
        }
        catch (JsonException)
        {
            return null; // torn by a kill
        }
    }
}
