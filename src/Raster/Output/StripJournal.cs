using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Formats;
using System.IO.Hashing;

namespace EoOnnx.Raster;

/// <summary>
/// The work area of a map that is being made, <c>OUT.eoonnx/</c>: raw rows, and a journal that lists each stored strip with its
/// checksum after both are on disk. A killed run continues at the first strip whose checksum is missing or wrong; a killed
/// compressed GeoTIFF, in contrast, opens without error and reads as zeros.
/// </summary>
internal sealed class StripJournal : IDisposable
{
    private readonly string _folder;
    private readonly FileStream _rows;
    private readonly FileStream _journal;
    private readonly FileStream _lock;
    private readonly int _rowBytes;

    private StripJournal(string folder, FileStream rows, FileStream journal, FileStream held, int rowBytes, int firstMissingRow) =>
        (_folder, _rows, _journal, _lock, _rowBytes, FirstMissingRow) = (folder, rows, journal, held, rowBytes, firstMissingRow);

    public string RowsPath => Path.Combine(_folder, "rows.bil");

    public int FirstMissingRow { get; private set; }

    /// <summary>Opens the work area, continuing an earlier run of the same job.</summary>
    /// <param name="folder">The work area.</param>
    /// <param name="job">Everything that can change a pixel, by name. Another value than that of the earlier run is an error.</param>
    /// <param name="rowBytes">Bytes of one row of all bands.</param>
    /// <param name="restart">Discard an earlier run.</param>
    public static StripJournal Open(string folder, IReadOnlyDictionary<string, string> job, int rowBytes, bool restart)
    {
        Directory.CreateDirectory(folder);
        FileStream held;
        try
        {
            held = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure)
        {
            throw new RasterException($"{folder} is in use by another run that makes the same map. Wait for it, or write to another file with --out.", failure);
        }

        try
        {
            CheckJob(folder, job, restart);
            var rows = new FileStream(Path.Combine(folder, "rows.bil"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
            var journal = new FileStream(Path.Combine(folder, "journal.jsonl"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
            var first = Recover(rows, journal, rowBytes);
            return new StripJournal(folder, rows, journal, held, rowBytes, first);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public void Append(int firstRow, ReadOnlySpan<byte> rows)
    {
        if (firstRow != FirstMissingRow || rows.Length % _rowBytes != 0)
        {
            throw new ArgumentException($"Rows must be written in order: row {FirstMissingRow} is next, {firstRow} was given with {rows.Length} bytes of rows of {_rowBytes}.", nameof(firstRow));
        }

        _rows.Position = (long)firstRow * _rowBytes;
        _rows.Write(rows);
        _rows.Flush(flushToDisk: true);
        var entry = new Strip(firstRow, rows.Length / _rowBytes, Checksum(rows));
        _journal.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(entry, StripJson.Default.Strip) + "\n"));
        _journal.Flush(flushToDisk: true);
        FirstMissingRow += entry.Rows;
    }

    public void Read(int firstRow, Span<byte> rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow + (rows.Length / _rowBytes), FirstMissingRow);
        _rows.Position = (long)firstRow * _rowBytes;
        _rows.ReadExactly(rows);
    }

    public void Dispose()
    {
        _rows.Dispose();
        _journal.Dispose();
        _lock.Dispose();
    }

    /// <summary>Closes and removes the work area.</summary>
    public void Delete()
    {
        Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static void CheckJob(string folder, IReadOnlyDictionary<string, string> job, bool restart)
    {
        var path = Path.Combine(folder, "job.json");
        var sorted = new SortedDictionary<string, string>(job.ToDictionary(), StringComparer.Ordinal);
        if (File.Exists(path) && !restart)
        {
            var earlier = JsonSerializer.Deserialize(File.ReadAllText(path), StripJson.Default.SortedDictionaryStringString) ?? [];
            foreach (var key in sorted.Keys.Union(earlier.Keys).Order(StringComparer.Ordinal))
            {
                var (now, then) = (sorted.GetValueOrDefault(key, "(absent)"), earlier.GetValueOrDefault(key, "(absent)"));
                if (now != then)
                {
                    throw new RasterException($"{folder} holds an unfinished run with another {key}: {then} there, {now} now. Use the same {key} to continue, or --restart to discard it.");
                }
            }

            return;
        }

        File.Delete(Path.Combine(folder, "rows.bil"));
        File.Delete(Path.Combine(folder, "journal.jsonl"));
        AtomicFile.WriteText(path, JsonSerializer.Serialize(sorted, StripJson.Default.SortedDictionaryStringString));
    }

    /// <summary>Counts the rows whose checksums hold and cuts both files behind them (a torn last line included).</summary>
    private static int Recover(FileStream rows, FileStream journal, int rowBytes)
    {
        var next = 0;
        long kept = 0;
        using (var reader = new StreamReader(journal, leaveOpen: true))
        {
            while (reader.ReadLine() is { } line && Parse(line) is { } strip && strip.First == next && strip.Rows > 0)
            {
                var buffer = ArrayPool<byte>.Shared.Rent(checked(strip.Rows * rowBytes));
                try
                {
                    var span = buffer.AsSpan(0, strip.Rows * rowBytes);
                    rows.Position = (long)next * rowBytes;
                    if (rows.ReadAtLeast(span, span.Length, throwOnEndOfStream: false) != span.Length || Checksum(span) != strip.Crc)
                    {
                        break;
                    }
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }

                next += strip.Rows;
                kept += Encoding.UTF8.GetByteCount(line) + 1;
            }
        }

        journal.SetLength(Math.Min(kept, journal.Length));
        journal.Position = journal.Length;
        return next;
    }

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

internal sealed record Strip(int First, int Rows, string Crc);

[JsonSerializable(typeof(Strip))]
[JsonSerializable(typeof(SortedDictionary<string, string>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class StripJson : JsonSerializerContext;
