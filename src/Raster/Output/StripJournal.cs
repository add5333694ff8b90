using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Formats;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace EoOnnx.Raster;

/// <summary>
/// The work area of a map that is being made, <c>OUT.eoonnx/</c>: raw rows, and a journal that lists each stored strip with its
/// checksum after both are on disk. A killed run continues at the first strip whose checksum is missing or wrong; a killed
/// compressed GeoTIFF, in contrast, opens without error and reads as zeros.
/// </summary>
internal sealed class StripJournal : IDisposable
{
    private const string LockName = "lock", JobName = "job.json";
    private readonly string _folder;
    private readonly FileStream _rows;
    private readonly FileStream _journal;
    private readonly FileStream _lock;
    private readonly StripLayout _layout;
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Utf8JsonWriter _lineWriter;
    private StripPosition _next;

    private StripJournal(string folder, FileStream rows, FileStream journal, FileStream held, StripLayout layout)
    {
        (_folder, _rows, _journal, _lock, _layout) = (folder, rows, journal, held, layout);
        _lineWriter = new Utf8JsonWriter(_line);
    }

    public string RowsPath => Path.Combine(_folder, "rows.bil");

    /// <summary>Where the next strip goes; <see cref="StripPosition.Column"/> is the width of the map when nothing is missing.</summary>
    public StripPosition Next => _next;

    /// <summary>Columns of the first panel that is stored; null when nothing is.</summary>
    public int? PanelWidth { get; private set; }

    /// <summary>Opens the work area, continuing an earlier run of the same job.</summary>
    /// <param name="folder">The work area.</param>
    /// <param name="job">Everything that can change a pixel, by name. Another value than that of the earlier run is an error.</param>
    /// <param name="layout">Extents of the map.</param>
    /// <param name="restart">Discard an earlier run.</param>
    /// <param name="finished">A file that must not be there yet: another run may have made it while this one was prepared. Null where it is replaced.</param>
    public static StripJournal Open(string folder, IReadOnlyDictionary<string, string> job, StripLayout layout, bool restart, string? finished = null)
    {
        FileStream held;
        try
        {
            Directory.CreateDirectory(folder);
            held = new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure) when (!File.Exists(folder))
        {
            // Held, or removed by the run that held it while this one came in.
            throw new MapInUseException($"{folder} is in use by another run that makes the same map. Wait for it, or write to another file with --out.", failure);
        }

        // Asked under the lock: whoever held it before has put the map into its place before giving the lock back.
        if (File.Exists(finished))
        {
            Leave(folder, held);
            throw new MapInUseException($"{finished} has just been made by another run. Give the same command again to see whether it is this map.");
        }

        try
        {
            CheckJob(folder, job, restart);
            var rows = new FileStream(Path.Combine(folder, "rows.bil"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
            var journal = new FileStream(Path.Combine(folder, "journal.jsonl"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
            var area = new StripJournal(folder, rows, journal, held, layout);
            area.Recover();
            return area;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Stores the next rows of some columns, [row, band, column], on disk.</summary>
    public void Append(int firstRow, int column, int columns, ReadOnlySpan<byte> rows)
    {
        var rowBytes = _layout.RowBytes(columns);
        var panel = _next.Row > 0 ? _next.Width : columns;
        if (firstRow != _next.Row || column != _next.Column || columns != panel || rows.Length % rowBytes != 0)
        {
            throw new ArgumentException($"Rows must be written in order: row {_next.Row} of column {_next.Column} is next, {firstRow} of {column} was given with {rows.Length} bytes of rows of {rowBytes}.", nameof(firstRow));
        }

        try
        {
            Write(firstRow, column, columns, rows);
        }
        catch (ArgumentOutOfRangeException failure) when (AtomicFile.IsTooLarge(failure))
        {
            throw new IOException("the file would grow beyond what the file system or a limit (ulimit -f) allows", failure);
        }

        _rows.Flush(flushToDisk: true);
        WriteLine(new StripPosition(column, firstRow, columns), rows.Length / rowBytes, Crc32.HashToUInt32(rows));
        _journal.Flush(flushToDisk: true);
        Advance(new StripPosition(column, firstRow, columns), rows.Length / rowBytes);
    }

    /// <summary>Reads rows that are stored.</summary>
    public void Read(int firstRow, int column, int columns, Span<byte> rows)
    {
        var end = firstRow + (rows.Length / _layout.RowBytes(columns));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, column < _next.Column ? _layout.Height : column == _next.Column ? _next.Row : 0, nameof(firstRow));
        if (!TryRead(firstRow, column, columns, rows))
        {
            throw new RasterException($"{RowsPath} ends before row {end}, which the journal lists. Make the map again with --restart.");
        }
    }

    public void Dispose()
    {
        _lineWriter.Dispose();
        _rows.Dispose();
        _journal.Dispose();
        _lock.Dispose();
    }

    /// <summary>Closes and removes the work area, whose map is in its place: a run that gets the lock afterwards finds it.</summary>
    public void Delete()
    {
        _rows.Dispose();
        _journal.Dispose();
        foreach (var file in Directory.GetFiles(_folder).Where(file => Path.GetFileName(file) != LockName))
        {
            File.Delete(file);
        }

        Leave(_folder, _lock);
    }

    /// <summary>Removes a work area that nobody holds.</summary>
    public static void Discard(string folder)
    {
        FileStream held;
        try
        {
            held = new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return; // held by a run, or just removed by another
        }

        foreach (var file in Directory.GetFiles(folder).Where(file => Path.GetFileName(file) != LockName))
        {
            File.Delete(file);
        }

        Leave(folder, held);
    }

    // Only the lock is left. Another run may take it at any moment from here on: it finds the map and leaves the same way.
    private static void Leave(string folder, FileStream held)
    {
        held.Dispose();
        try
        {
            File.Delete(Path.Combine(folder, LockName));
            Directory.Delete(folder);
        }
        catch (IOException)
        {
            // That other run has removed the folder, or is about to. The map is in its place, whatever becomes of an empty folder.
        }
    }

    /// <summary>The first field in which the job of a work area differs from another, in words; null when it is the same, or none is there.</summary>
    public static string? Difference(string folder, IReadOnlyDictionary<string, string> job)
    {
        SortedDictionary<string, string> earlier;
        try
        {
            earlier = JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(folder, JobName)), StripJson.Default.SortedDictionaryStringString) ?? [];
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        return job.Keys.Union(earlier.Keys).Order(StringComparer.Ordinal)
            .Select(key => (Key: key, Now: job.GetValueOrDefault(key, "(absent)"), Then: earlier.GetValueOrDefault(key, "(absent)")))
            .Where(field => field.Now != field.Then)
            .Select(field => $"{folder} holds an unfinished run with another {field.Key}: {field.Then} there, {field.Now} now. Use the same {field.Key} to continue, or --restart to discard it.")
            .FirstOrDefault();
    }

    private static void CheckJob(string folder, IReadOnlyDictionary<string, string> job, bool restart)
    {
        var path = Path.Combine(folder, JobName);
        if (File.Exists(path) && !restart)
        {
            if (Difference(folder, job) is { } difference)
            {
                throw new RasterException(difference);
            }

            return;
        }

        File.Delete(Path.Combine(folder, "rows.bil"));
        File.Delete(Path.Combine(folder, "journal.jsonl"));
        AtomicFile.WriteText(path, JsonSerializer.Serialize(new SortedDictionary<string, string>(job.ToDictionary(), StringComparer.Ordinal), StripJson.Default.SortedDictionaryStringString));
    }

    /// <summary>Goes behind the last strip whose checksum holds and cuts the journal there (a torn last line included).</summary>
    private void Recover()
    {
        long kept = 0;
        using (var reader = new StreamReader(_journal, leaveOpen: true))
        {
            while (reader.ReadLine() is { } line && Parse(line) is { } strip && Follows(strip))
            {
                var length = checked(strip.Rows * _layout.RowBytes(strip.Columns));
                var buffer = ArrayPool<byte>.Shared.Rent(length);
                try
                {
                    var rows = buffer.AsSpan(0, length);
                    if (!TryRead(strip.First, strip.Column, strip.Columns, rows) || Checksum(rows) != strip.Crc)
                    {
                        break;
                    }
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }

                Advance(new StripPosition(strip.Column, strip.First, strip.Columns), strip.Rows);
                kept += Encoding.UTF8.GetByteCount(line) + 1;
            }
        }

        // A last line may be whole but for its end: the next one begins behind it.
        var endless = kept > _journal.Length;
        _journal.SetLength(Math.Min(kept, _journal.Length));
        _journal.Position = _journal.Length;
        if (endless)
        {
            _journal.WriteByte((byte)'\n');
        }
    }

    private bool Follows(Strip strip) => strip.Rows > 0 && strip.First == _next.Row && strip.Column == _next.Column && strip.Columns > 0
        && strip.Columns <= _layout.Width - strip.Column && strip.Rows <= _layout.Height - strip.First && (_next.Row == 0 || strip.Columns == _next.Width);

    private void Advance(StripPosition strip, int rows)
    {
        PanelWidth ??= strip.Width;
        var end = strip.Row + rows;
        _next = end < _layout.Height ? new StripPosition(strip.Column, end, strip.Width) : new StripPosition(strip.Column + strip.Width, 0, 0);
    }

    // A Strip as JSON, in memory that is used again for every line.
    private void WriteLine(StripPosition strip, int rows, uint crc)
    {
        _line.ResetWrittenCount();
        _lineWriter.Reset();
        _lineWriter.WriteStartObject();
        _lineWriter.WriteNumber("first"u8, strip.Row);
        _lineWriter.WriteNumber("rows"u8, rows);
        Span<byte> text = stackalloc byte[8];
        crc.TryFormat(text, out var length, "x8", CultureInfo.InvariantCulture);
        _lineWriter.WriteString("crc"u8, text[..length]);
        _lineWriter.WriteNumber("column"u8, strip.Column);
        _lineWriter.WriteNumber("columns"u8, strip.Width);
        _lineWriter.WriteEndObject();
        _lineWriter.Flush();
        _line.Write("\n"u8);
        _journal.Write(_line.WrittenSpan);
    }

    private bool TryRead(int firstRow, int column, int columns, Span<byte> rows)
    {
        var whole = true;
        if (columns == _layout.Width)
        {
            return Fill(_rows.SafeFileHandle, rows, (long)firstRow * _layout.RowBytes(columns));
        }

        var segment = columns * _layout.PixelBytes;
        for (var line = 0; line * segment < rows.Length; line++)
        {
            whole &= Fill(_rows.SafeFileHandle, rows.Slice(line * segment, segment), Offset(firstRow, line, column));
        }

        return whole;
    }

    private static bool Fill(SafeFileHandle file, Span<byte> bytes, long offset)
    {
        while (bytes.Length > 0 && RandomAccess.Read(file, bytes, offset) is var count && count > 0)
        {
            bytes = bytes[count..];
            offset += count;
        }

        return bytes.Length == 0;
    }

    private void Write(int firstRow, int column, int columns, ReadOnlySpan<byte> rows)
    {
        if (columns == _layout.Width)
        {
            RandomAccess.Write(_rows.SafeFileHandle, rows, (long)firstRow * _layout.RowBytes(columns));
            return;
        }

        var segment = columns * _layout.PixelBytes;
        for (var line = 0; line * segment < rows.Length; line++)
        {
            RandomAccess.Write(_rows.SafeFileHandle, rows.Slice(line * segment, segment), Offset(firstRow, line, column));
        }
    }

    // Lines of the file are the bands of a row, one after the other.
    private long Offset(int firstRow, int line, int column) => ((((long)firstRow * _layout.Bands) + line) * _layout.Width + column) * _layout.PixelBytes;

    private static Strip? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, StripJson.Default.Strip);
        }
        catch (JsonException)
        {
            return null; // a line torn by a kill: that strip is made again
        }
    }

    private static string Checksum(ReadOnlySpan<byte> bytes) => Crc32.HashToUInt32(bytes).ToString("x8", CultureInfo.InvariantCulture);
}

/// <summary>Extents of a map whose rows are stored band-interleaved by line.</summary>
internal readonly record struct StripLayout(int Width, int Height, int Bands, int PixelBytes)
{
    /// <summary>Bytes of one row of all bands of some columns.</summary>
    public int RowBytes(int columns) => checked(columns * Bands * PixelBytes);
}

/// <summary>Where a strip goes: the panel's first column, the row, and the panel's width once it has begun.</summary>
internal readonly record struct StripPosition(int Column, int Row, int Width);

internal sealed record Strip(int First, int Rows, string Crc, int Column, int Columns);

[JsonSerializable(typeof(Strip))]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
[JsonSerializable(typeof(string[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class StripJson : JsonSerializerContext;
