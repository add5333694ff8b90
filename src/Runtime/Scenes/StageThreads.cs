using System.Collections.Concurrent;

namespace EoOnnx.Runtime;

/// <summary>
/// A few threads of their own for stages that compute or wait inside native code: on the shared pool, which starts with one thread
/// a core, such stages would keep each other from starting.
/// </summary>
internal sealed class StageThreads : TaskScheduler, IDisposable
{
    private readonly BlockingCollection<Task> _tasks = [];
    private readonly Thread[] _threads;
    private int _running;

    public StageThreads(int count)
    {
        _running = count;
        _threads = [.. Enumerable.Range(0, count).Select(i => new Thread(Work) { IsBackground = true, Name = $"scene {i}" })];
        foreach (var thread in _threads)
        {
            thread.Start();
        }
    }

    public override int MaximumConcurrencyLevel => _threads.Length;

    /// <summary>Starts a stage; all of it runs on these threads when it awaits with <c>ConfigureAwait(true)</c>.</summary>
    public Task Start(Func<Task> stage) => Task.Factory.StartNew(stage, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    /// <summary>Lets the threads end. They are not joined: the caller may itself run on one of them.</summary>
    public void Dispose() => _tasks.CompleteAdding();

    protected override IEnumerable<Task> GetScheduledTasks() => _tasks;

    protected override void QueueTask(Task task) => _tasks.Add(task);

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    private void Work()
    {
        foreach (var task in _tasks.GetConsumingEnumerable())
        {
            TryExecuteTask(task);
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            _tasks.Dispose();
        }
    }
}
