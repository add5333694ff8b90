using System.Collections.Concurrent;

namespace EoOnnx.Runtime;

/// <summary>
/// A few threads of their own for stages that compute, or wait for each other or inside native code: on the shared pool, which starts with one thread
/// a core, such stages would keep each other from starting. As many stages run at a time as there are threads.
/// </summary>
internal sealed class StageThreads : IDisposable
{
    private readonly BlockingCollection<(Action Stage, TaskCompletionSource Ended)> _stages = [];
    private int _running;

    public StageThreads(int count)
    {
        _running = count;
        for (var i = 0; i < count; i++)
        {
            new Thread(Work) { IsBackground = true, Name = $"scene {i}" }.Start();
        }
    }

    /// <summary>Runs a stage on one of the threads.</summary>
    public Task Start(Action stage)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _stages.Add((stage, ended));
        return ended.Task;
    }

    /// <summary>Lets the threads end when their stages have.</summary>
    public void Dispose() => _stages.CompleteAdding();

    private void Work()
    {
        foreach (var (stage, ended) in _stages.GetConsumingEnumerable())
        {
            try
            {
                stage();
                ended.SetResult();
            }
            catch (OperationCanceledException cancelled)
            {
                ended.SetCanceled(cancelled.CancellationToken);
            }
            catch (Exception failure)
            {
                ended.SetException(failure);
            }
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            _stages.Dispose();
        }
    }
}
