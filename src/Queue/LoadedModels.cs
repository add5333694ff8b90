using EoOnnx.Runtime;

namespace EoOnnx.Queue;

/// <summary>Models of a worker: scenes of one batch share one; a model goes when another is needed and no scene uses it.</summary>
/// <param name="options">How models are loaded.</param>
internal sealed class LoadedModels(EoModelOptions options) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Borrows a model with its adapter; loads them when they are not there or their files have changed.</summary>
    public Lease Take(string model, string? adapter)
    {
        // Loading goes on under the lock: two scenes of a new batch must not load the model twice.
        lock (_gate)
        {
            var key = $"{Stamp(model)}\n{Stamp(adapter)}";
            if (!_entries.TryGetValue(key, out var entry))
            {
                foreach (var (other, unused) in _entries.Where(item => item.Value.Users == 0).ToArray())
                {
                    _entries.Remove(other);
                    unused.Dispose();
                }

                _entries[key] = entry = Entry.Load(model, adapter, options);
            }

            entry.Users++;
            return new Lease(this, entry);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var entry in _entries.Values)
            {
                entry.Dispose();
            }

            _entries.Clear();
        }
    }

    private void Return(Entry entry)
    {
        lock (_gate)
        {
            entry.Users--;
        }
    }

    private static string Stamp(string? path) => path is null ? "" : FormattableString.Invariant($"{path} {(File.Exists(path) ? new FileInfo(path).Length : 0)} {File.GetLastWriteTimeUtc(path).Ticks}");

    /// <summary>A model in use.</summary>
    public sealed class Lease(LoadedModels owner, Entry entry) : IDisposable
    {
        public EoModel Model => entry.Model;

        public EoAdapter? Adapter => entry.Adapter;

        /// <summary>What the process took when the model had been loaded.</summary>
        public long ProcessBytes => entry.ProcessBytes;

        public void Dispose() => owner.Return(entry);
    }

    /// <summary>A model with its adapter.</summary>
    public sealed class Entry(EoModel model, EoAdapter? adapter) : IDisposable
    {
        public EoModel Model => model;

        public EoAdapter? Adapter => adapter;

        public long ProcessBytes { get; } = Environment.WorkingSet;

        public int Users { get; set; }

        public static Entry Load(string path, string? adapter, EoModelOptions options)
        {
            var model = EoModel.Load(path, options);
            try
            {
                return new Entry(model, adapter is null ? null : model.LoadAdapter(adapter));
            }
            catch
            {
                model.Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            adapter?.Dispose();
            model.Dispose();
        }
    }
}
