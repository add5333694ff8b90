using Microsoft.Win32.SafeHandles;

namespace EoOnnx.Training.Features;

/// <summary>Records of one length, by number. Each is written once before it is read; readers may be many.</summary>
internal interface IRecordStore : IDisposable
{
    /// <summary>Keeps a record.</summary>
    void Write(int record, ReadOnlySpan<byte> content);

    /// <summary>Fills <paramref name="content"/> with a record.</summary>
    void Read(int record, Span<byte> content);
}

/// <summary>Records in memory.</summary>
internal sealed class MemoryRecords(int count) : IRecordStore
{
    private readonly byte[]?[] _records = new byte[count][];

    public void Write(int record, ReadOnlySpan<byte> content) => _records[record] = content.ToArray();

    public void Read(int record, Span<byte> content) => _records[record].CopyTo(content);

    public void Dispose() => Array.Clear(_records);
}

/// <summary>Records in a file that vanishes with the run.</summary>
internal sealed class TemporaryRecords(string path, int bytes) : IRecordStore
{
    private readonly SafeFileHandle _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose | FileOptions.RandomAccess);

    public void Write(int record, ReadOnlySpan<byte> content) => RandomAccess.Write(_file, content, (long)record * bytes);

    public void Read(int record, Span<byte> content)
    {
        var done = 0;
        while (done < content.Length)
        {
            var read = RandomAccess.Read(_file, content[done..], ((long)record * bytes) + done);
            done += read > 0 ? read : throw new EndOfStreamException($"{path} ends within record {record}; another program changed it.");
        }
    }

    public void Dispose() => _file.Dispose();
}
