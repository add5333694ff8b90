using System.Runtime.ExceptionServices;

namespace EoOnnx.Runtime;

/// <summary>
/// Does several parts of a work at the same time, again and again, on threads of their own: each part stays with its thread, and repeating allocates
/// nothing. The caller does the first part.
/// </summary>
internal sealed class RepeatedParts : IDisposable
{
    private readonly Action<int> _work;
    private readonly SemaphoreSlim[] _begin;
    private readonly SemaphoreSlim _done = new(0);
    private readonly ExceptionDispatchInfo?[] _failures;
    private readonly Thread[] _threads;
    private volatile bool _ends;

    /// <summary>Starts the threads.</summary>
    /// <param name="count">Number of parts.</param>
    /// <param name="work">Does the part of the given number, from 0.</param>
    public RepeatedParts(int count, Action<int> work)
    {
        (_work, _failures) = (work, new ExceptionDispatchInfo?[count]);
        _begin = [.. Enumerable.Range(0, count).Select(_ => new SemaphoreSlim(0))];
        _threads = [.. Enumerable.Range(1, count - 1).Select(part => new Thread(() => Repeat(part)) { IsBackground = true, Name = $"reader {part}" })];
        foreach (var thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>Does all parts once. The failure of the first part that failed is thrown when all have ended.</summary>
    public void Run()
    {
        Array.Clear(_failures);
        for (var part = 1; part < _begin.Length; part++)
        {
            _begin[part].Release();
        }

        Do(0);
        for (var part = 1; part < _begin.Length; part++)
        {
            _done.Wait();
        }

        foreach (var failure in _failures)
        {
            failure?.Throw();
        }
    }

    /// <summary>Ends the threads. No run may be in progress.</summary>
    public void Dispose()
    {
        _ends = true;
        for (var part = 1; part < _begin.Length; part++)
        {
            _begin[part].Release();
            _threads[part - 1].Join();
            _begin[part].Dispose();
        }

        _begin[0].Dispose();
        _done.Dispose();
    }

    private void Repeat(int part)
    {
        for (_begin[part].Wait(); !_ends; _begin[part].Wait())
        {
            Do(part);
            _done.Release();
        }
    }

    private void Do(int part)
    {
        try
        {
            _work(part);
        }
        catch (Exception failure)
        {
            _failures[part] = ExceptionDispatchInfo.Capture(failure);
        }
    }
}
