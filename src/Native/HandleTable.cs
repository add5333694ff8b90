namespace EoOnnx.Native;

/// <summary>
/// Objects that C code holds by number. A number is never used twice and no address, so that a closed or invented handle is found
/// out. An object goes when it is closed and nobody uses it any more.
/// </summary>
internal sealed class HandleTable<T> where T : class, IDisposable
{
    private static long _last;
    private readonly Dictionary<nint, Entry> _entries = [];
    private readonly Lock _gate = new();

    /// <summary>Takes ownership of an object, which keeps <paramref name="parent"/> in use.</summary>
    public nint Add(T value, IDisposable? parent = null)
    {
        var handle = (nint)Interlocked.Increment(ref _last);
        lock (_gate)
        {
            _entries.Add(handle, new Entry(value, parent));
        }

        return handle;
    }

    /// <summary>Uses an object; it stays until the lease is disposed, even when it is closed meanwhile.</summary>
    /// <exception cref="InvalidHandleException">There is no such handle.</exception>
    public Lease Use(nint handle)
    {
        lock (_gate)
        {
            var entry = Find(handle);
            entry.Users++;
            return new Lease(this, entry);
        }
    }

    /// <summary>Closes a handle.</summary>
    /// <exception cref="InvalidHandleException">There is no such handle.</exception>
    public void Close(nint handle)
    {
        Entry entry;
        lock (_gate)
        {
            entry = Find(handle);
            _entries.Remove(handle);
        }

        Release(entry);
    }

    private Entry Find(nint handle) => _entries.TryGetValue(handle, out var entry) ? entry
        : throw new InvalidHandleException($"The handle {handle} is no open {typeof(T).Name}: it was closed, or never returned by this library.");

    private void Release(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users > 0)
            {
                return;
            }
        }

        entry.Value.Dispose();
        entry.Parent?.Dispose();
    }

    private sealed class Entry(T value, IDisposable? parent)
    {
        public T Value => value;

        public IDisposable? Parent => parent;

        /// <summary>The open handle counts as one.</summary>
        public int Users { get; set; } = 1;
    }

    /// <summary>One use of an object.</summary>
    internal sealed class Lease : IDisposable
    {
        private readonly HandleTable<T> _table;
        private Entry? _entry;

        internal Lease(HandleTable<T> table, object entry) => (_table, _entry) = (table, (Entry)entry);

        public T Value => _entry!.Value;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _entry, null) is { } entry)
            {
                _table.Release(entry);
            }
        }
    }
}

/// <summary>C code gave a handle that is none.</summary>
internal sealed class InvalidHandleException(string message) : Exception(message);
