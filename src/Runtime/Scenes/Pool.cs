using System.Threading.Channels;

namespace EoOnnx.Runtime;

/// <summary>A fixed set of buffers that go round between stages; taking waits until one is free.</summary>
internal sealed class Pool<T>
{
    private readonly Channel<T> _free;

    public Pool(IEnumerable<T> items)
    {
        Items = [.. items];
        _free = Channel.CreateBounded<T>(Items.Count);
        foreach (var item in Items)
        {
            Return(item);
        }
    }

    /// <summary>All items, free or not.</summary>
    public IReadOnlyList<T> Items { get; }

    public ValueTask<T> TakeAsync(CancellationToken cancellation) => _free.Reader.ReadAsync(cancellation);

    /// <summary>Gives an item back; there is always room.</summary>
    public void Return(T item) => _free.Writer.TryWrite(item);
}
