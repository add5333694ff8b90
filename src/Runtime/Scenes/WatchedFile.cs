namespace EoOnnx.Runtime;

/// <summary>A local file that must stay as it is while a scene is read. Safe from several threads; looking allocates nothing.</summary>
internal sealed class WatchedFile
{
    private readonly FileInfo _file;
    private readonly Lock _gate = new();
    private readonly DateTime _time;

    public WatchedFile(string path)
    {
        (Path, _file) = (path, new FileInfo(path));
        (Bytes, _time) = (_file.Length, _file.LastWriteTimeUtc);
    }

    /// <summary>What may have become of a file.</summary>
    public enum State
    {
        /// <summary>Nothing.</summary>
        Same,

        /// <summary>Another size or time.</summary>
        Changed,

        /// <summary>It is not there.</summary>
        Gone,
    }

    /// <summary>The file, as it was named.</summary>
    public string Path { get; }

    /// <summary>Its size in the beginning.</summary>
    public long Bytes { get; }

    /// <summary>Compares the file with what it was in the beginning.</summary>
    public State Look()
    {
        lock (_gate)
        {
            _file.Refresh();
            return !_file.Exists ? State.Gone : _file.Length == Bytes && _file.LastWriteTimeUtc == _time ? State.Same : State.Changed;
        }
    }
}
