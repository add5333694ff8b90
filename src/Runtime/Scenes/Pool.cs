namespace EoOnnx.Runtime;

/// <summary>A fixed set of buffers that go round between stages; taking waits until one is free. One stage takes.</summary>
internal sealed class Pool<T> : IDisposable
{
    private readonly BoundedQueue<T> _free;

    public Pool(IEnumerable<T> items)
    {
        Items = [.. items];
        _free = new BoundedQueue<T>(Items.Count);
        foreach (var item in Items)
        {
            Return(item);
        }
    }

    /// <summary>All items, free or not.</summary>
    public IReadOnlyList<T> Items { get; }

    /// <exception cref="OperationCanceledException">The run ends.</exception>
    public T Take(CancellationToken cancellation) => _free.TryTake(out var item, cancellation) ? item : throw new InvalidOperationException("A pool of buffers has no end.");

    /// <summary>Gives an item back; there is always room.</summary>
    public void Return(T item) => _free.Add(item, CancellationToken.None);

    public void Dispose() => _free.Dispose();
}
