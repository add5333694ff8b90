using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Raster;

/// <summary>Which rows of a map one of several processes makes.</summary>
/// <param name="Number">Which part, from 1.</param>
/// <param name="Count">How many parts there are.</param>
/// <param name="First">The first of its rows.</param>
/// <param name="End">The row behind the last.</param>
public sealed record MapPartRows(int Number, int Count, int First, int End);

/// <summary>
/// Rows of a map that one of several processes makes, perhaps on several machines that share the disk: a work area of its own, with its own lock
/// and journal, in that of the map (<c>OUT.tif.eoonnx/part-2-of-3/</c>). No two processes write to one file. What a killed process has stored is
/// continued by whoever opens the part next; that a part is complete is marked at once or not at all.
/// </summary>
public sealed class MapPart : IStripSink
{
    private const string Marker = "complete.json";
    private readonly string _path;
    private readonly int _width;
    private readonly MapPartRows _rows;
    private readonly StripJournal _journal;

    private MapPart(string path, int width, MapPartRows rows, StripJournal journal) => (_path, _width, _rows, _journal) = (path, width, rows, journal);

    /// <inheritdoc/>
    public int FirstRow => _rows.First;

    /// <inheritdoc/>
    public int? EndRow => _rows.End;

    /// <inheritdoc/>
    public int FirstMissingRow => IsStored ? _rows.End : _rows.First + _journal.Next.Row;

    /// <inheritdoc/>
    public int FirstMissingColumn => IsStored ? _width : _journal.Next.Column;

    /// <inheritdoc/>
    public int? PanelWidth => _journal.PanelWidth;

    /// <summary>What whoever puts the parts together should know; set it before <see cref="Complete"/>.</summary>
    public IReadOnlyList<string> Warnings { get; set; } = [];

    private bool IsStored => _rows.First == _rows.End || _journal.Next.Column == _width;

    /// <summary>Opens a part, continuing an earlier run of the same job.</summary>
    /// <param name="path">The map; its folder must exist.</param>
    /// <param name="profile">Grid and type of the whole map.</param>
    /// <param name="job">Everything that can change a pixel, by name: an unfinished part with other values is refused.</param>
    /// <param name="rows">Which part.</param>
    /// <param name="restart">Discard what is stored of it.</param>
    /// <exception cref="MapInUseException">Another process makes this part, or the map has just been made.</exception>
    /// <exception cref="RasterException">What is stored, here or in another part, is of a different job or another number of parts, or the folder cannot be written.</exception>
    public static MapPart Open(string path, RasterProfile profile, IReadOnlyDictionary<string, string> job, MapPartRows rows, bool restart = false)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(rows);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new RasterException($"The folder of {path} does not exist. Create it first: mkdir -p '{folder}'");
        }

        var layout = new StripLayout(profile.Size.Width, rows.End - rows.First, profile.BandCount, profile.Type.SizeInBytes());
        var area = Folder(path, rows.Number, rows.Count);
        if (FreeDiskSpace.Lack(folder, ((long)layout.RowBytes(layout.Width) * layout.Height) - (new FileInfo(Path.Combine(area, "rows.bil")) is { Exists: true } stored ? stored.Length : 0)) is { } lack)
        {
            throw new RasterException($"{lack} (part {rows.Number} of {rows.Count} of the map {path}). Free some space or write elsewhere with --out.");
        }

        try
        {
            if (restart)
            {
                StripJournal.Discard(path + CogSink.WorkArea); // what was put together of parts that are made again
            }
            else
            {
                CheckOthers(path, job, rows.Count);
            }

            var part = new MapPart(path, profile.Size.Width, rows, StripJournal.Open(area, job, layout, restart, finished: path));
            if (!part.IsStored)
            {
                File.Delete(Path.Combine(area, Marker)); // rows that were complete have been discarded, or are damaged
            }

            return part;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RasterException($"The work area {area} cannot be written: {failure.Message} Write elsewhere with --out.", failure);
        }
    }

    // Found before the work rather than when the parts are put together. Whoever begins at the same moment is found then.
    private static void CheckOthers(string path, IReadOnlyDictionary<string, string> job, int count)
    {
        var area = path + CogSink.WorkArea;
        var parts = Directory.Exists(area) ? Directory.GetDirectories(area, "part-*-of-*") : [];
        if (parts.FirstOrDefault(part => !part.EndsWith(string.Create(CultureInfo.InvariantCulture, $"-of-{count}"), StringComparison.Ordinal)) is { } other)
        {
            throw new RasterException($"{other} holds a part of another number of parts: {other[(other.LastIndexOf('-') + 1)..]} there, {count} now. Use the same number to continue, or --restart to make {path} anew.");
        }

        if (parts.Append(area).Order(StringComparer.Ordinal).Select(folder => StripJournal.Difference(folder, job)).FirstOrDefault(difference => difference is not null) is { } found)
        {
            throw new RasterException(found);
        }
    }

    /// <summary>The parts of a map that are not complete, by number. That one is says nothing of its bytes: opening it verifies them.</summary>
    public static IReadOnlyList<int> Missing(string path, int count) => [.. Enumerable.Range(1, count).Where(number => !File.Exists(Path.Combine(Folder(path, number, count), Marker)))];

    /// <summary>Removes all parts of a map that is in its place, but for those that a process is making.</summary>
    public static void Discard(string path)
    {
        var area = path + CogSink.WorkArea;
        try
        {
            foreach (var part in Directory.Exists(area) ? Directory.GetDirectories(area, "part-*-of-*") : [])
            {
                StripJournal.Discard(part);
            }

            if (Directory.Exists(area) && !Directory.EnumerateFileSystemEntries(area).Any())
            {
                Directory.Delete(area);
            }
        }
        catch (IOException)
        {
            // Another process that found the map finished removes the same. The map is in its place, whatever is left beside it.
        }
    }

    /// <inheritdoc/>
    public void Write(int firstRow, ReadOnlySpan<byte> rows) => Write(firstRow, 0, _width, rows);

    /// <inheritdoc/>
    /// <exception cref="RasterException">The disk is full; what is stored stays.</exception>
    public void Write(int firstRow, int column, int columns, ReadOnlySpan<byte> rows)
    {
        try
        {
            _journal.Append(firstRow - _rows.First, column, columns, rows);
        }
        catch (IOException failure)
        {
            throw new RasterException($"Row {firstRow} of {_path} cannot be stored: {failure.Message}. The {_path}{CogSink.WorkArea} folder keeps what is done; free some space and give the same command to continue.", failure);
        }
    }

    /// <inheritdoc/>
    public void Read(int firstRow, Span<byte> rows) => Read(firstRow, 0, _width, rows);

    /// <inheritdoc/>
    public void Read(int firstRow, int column, int columns, Span<byte> rows) => _journal.Read(firstRow - _rows.First, column, columns, rows);

    /// <summary>Rows are replaced when all parts are together.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public void Replace(Action<RowWriter> rewrite) => throw new InvalidOperationException($"Rows of {_path} are replaced when all {_rows.Count} parts are together, not in part {_rows.Number}.");

    /// <summary>Marks the part as complete; its rows stay where they are.</summary>
    /// <exception cref="RasterException">Rows are missing.</exception>
    public void Complete(CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!IsStored)
        {
            throw new RasterException($"Part {_rows.Number} of {_rows.Count} of {_path} is stored up to row {FirstMissingRow} of {_rows.End}; it cannot be completed.");
        }

        AtomicFile.WriteText(Path.Combine(Folder(_path, _rows.Number, _rows.Count), Marker), JsonSerializer.Serialize([.. Warnings], StripJson.Default.StringArray));
    }

    /// <summary>What <see cref="Warnings"/> held when the part was completed.</summary>
    public IReadOnlyList<string> StoredWarnings() =>
        JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(Folder(_path, _rows.Number, _rows.Count), Marker)), StripJson.Default.StringArray) ?? [];

    /// <summary>Closes the part and gives its lock back.</summary>
    public void Dispose() => _journal.Dispose();

    private static string Folder(string path, int number, int count) => string.Create(CultureInfo.InvariantCulture, $"{path}{CogSink.WorkArea}/part-{number}-of-{count}");
}
