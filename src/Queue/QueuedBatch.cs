using System.Diagnostics;
using EoOnnx.Runtime;
using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.States;
using Hangfire.Storage;
using Npgsql;
using Polly;
using Polly.Retry;

namespace EoOnnx.Queue;

/// <summary>Puts scenes on a queue and waits for their maps.</summary>
public sealed class QueuedBatch
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);
    private static readonly ResiliencePipeline Outages = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
    {
        ShouldHandle = new PredicateBuilder().Handle<NpgsqlException>(failure => failure.IsTransient),
        MaxRetryAttempts = 6, BackoffType = DelayBackoffType.Exponential, Delay = TimeSpan.FromSeconds(1),
    }).Build();

    private readonly PostgreSqlStorage _storage;
    private readonly QueueAddress _address;

    private QueuedBatch(QueueAddress address, PostgreSqlStorage storage) => (_address, _storage) = (address, storage);

    /// <summary>Opens a queue; makes its tables when they are missing.</summary>
    /// <exception cref="QueueException">The database cannot be reached or refuses.</exception>
    public static QueuedBatch Open(QueueAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new QueuedBatch(address, QueueStorage.Open(address, QueueWorkerOptions.DefaultLostAfter));
    }

    /// <summary>Puts scenes on the queue, in order. A scene that is put there twice is mapped once.</summary>
    /// <returns>One ticket a task, for <see cref="WaitAsync"/>.</returns>
    /// <exception cref="QueueException">The database has gone.</exception>
    public IReadOnlyList<string> Enqueue(IReadOnlyList<SceneTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        var client = new BackgroundJobClient(_storage);
        return Guarded(() => tasks.Select(task => task.ToJson())
            .Select(text => client.Create<QueuedScenes>(scenes => scenes.MapAsync(text, CancellationToken.None), new EnqueuedState(QueuedScenes.Queue))).ToArray());
    }

    /// <summary>Waits until every scene is mapped or given up.</summary>
    /// <param name="tasks">The scenes.</param>
    /// <param name="tickets">What <see cref="Enqueue"/> has given for them.</param>
    /// <param name="progress">Told about every scene that is being mapped or has ended.</param>
    /// <param name="journal">Where is noted what became of each scene; null notes nothing.</param>
    /// <param name="cancellation">Ends the waiting; the scenes stay on the queue.</param>
    /// <exception cref="QueueException">The database has been gone for a minute, or somebody has removed a scene.</exception>
    public async Task<BatchReport> WaitAsync(IReadOnlyList<SceneTask> tasks, IReadOnlyList<string> tickets, IProgress<BatchProgress>? progress = null, BatchJournal? journal = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        ArgumentNullException.ThrowIfNull(tickets);
        var start = Stopwatch.GetTimestamp();
        var outcomes = new SceneOutcome?[tasks.Count];
        var tally = new BatchTally(tasks.Count, progress);
        while (!cancellation.IsCancellationRequested && outcomes.Contains(null))
        {
            var asked = Stopwatch.GetTimestamp();
            Guarded(() => Outages.Execute(Look, cancellation));
            if (outcomes.Contains(null))
            {
                // Many scenes take many questions: at most a third of the time is spent on them.
                var pause = Stopwatch.GetElapsedTime(asked) * 2;
                await Task.Delay(pause > PollInterval ? pause : PollInterval, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return new BatchReport([.. outcomes.Select((outcome, i) => outcome ?? SceneOutcome.Without(tasks[i].Scene, SceneStatus.Cancelled))], Stopwatch.GetElapsedTime(start).TotalSeconds);

        bool Look(CancellationToken token)
        {
            using var connection = _storage.GetConnection();
            for (var i = 0; i < tasks.Count && !token.IsCancellationRequested; i++)
            {
                if (outcomes[i] is not null)
                {
                    continue;
                }

                var state = connection.GetStateData(tickets[i]) ?? throw new QueueException($"The queue no longer knows {tasks[i].Scene.Name}: somebody has removed it. Put it there again.");
                outcomes[i] = Outcome(state, tasks[i].Scene);
                if (outcomes[i] is { } outcome)
                {
                    journal?.End(outcome);
                    tally.End(tasks[i].Scene, outcome);
                }
                else if (state.Name == ProcessingState.StateName)
                {
                    tally.Advance(tasks[i].Scene, 0);
                }
            }

            return true;
        }
    }

    private static SceneOutcome? Outcome(StateData state, BatchScene scene) =>
        state.Name == SucceededState.StateName ? Result(state.Data["Result"])
        : state.Name == FailedState.StateName ? SceneOutcome.Without(scene, SceneStatus.Failed, 0, state.Data.TryGetValue("ExceptionMessage", out var why) ? why : state.Reason)
        : state.Name == DeletedState.StateName ? SceneOutcome.Without(scene, SceneStatus.Cancelled, 0, "Removed from the queue.")
        : null;

    /// <summary>What a finished job has returned. Hangfire stores it as JSON: the text of an outcome is a JSON string.</summary>
    internal static SceneOutcome? Result(object? stored) => stored is string text ? SceneTask.ReadOutcome(System.Text.Json.JsonSerializer.Deserialize<string>(text)!) : null;

    private T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception failure) when (failure is NpgsqlException or BackgroundJobClientException)
        {
            throw new QueueException($"The queue {_address} does not answer: {(failure.InnerException ?? failure).Message}. What is on it stays there.", failure);
        }
    }
}
