using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace EoOnnx.Runtime;

/// <summary>
/// Hands items from one stage to the next; whoever is too early waits. Stages have threads of their own, so waiting blocks them: awaiting a channel that
/// can be cancelled would allocate for each wait, and this allocates nothing once it has been filled. Any number of writers, one reader.
/// </summary>
/// <param name="capacity">Items that fit.</param>
internal sealed class BoundedQueue<T>(int capacity) : IDisposable
{
    private readonly ConcurrentQueue<T> _items = new();
    private readonly SemaphoreSlim _free = new(capacity), _filled = new(0);

    /// <summary>Adds an item when there is room.</summary>
    /// <exception cref="OperationCanceledException">The run ends.</exception>
    public void Add(T item, CancellationToken cancellation)
    {
        _free.Wait(cancellation);
        _items.Enqueue(item);
        _filled.Release();
    }

    /// <summary>Takes the oldest item when there is one.</summary>
    /// <returns>False when the queue is empty and <see cref="Complete"/>.</returns>
    /// <exception cref="OperationCanceledException">The run ends.</exception>
    public bool TryTake([MaybeNullWhen(false)] out T item, CancellationToken cancellation)
    {
        _filled.Wait(cancellation);
        if (_items.TryDequeue(out item))
        {
            _free.Release();
            return true;
        }

        _filled.Release(); // the mark of the end stays for whoever asks again
        return false;
    }

    /// <summary>Nothing will be added any more.</summary>
    public void Complete() => _filled.Release();

    public void Dispose()
    {
        _free.Dispose();
        _filled.Dispose();
    }
}
