using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>
/// Writes a map as a cloud-optimised GeoTIFF: rows go to a journaled work area (<c>OUT.tif.eoonnx/</c>), which a later run can
/// continue; <see cref="Complete(CancellationToken)"/> turns them into the COG, verifies it and renames it. The <c>.tif</c> appears last.
/// </summary>
public sealed class CogSink : IStripSink
{
    internal const string WorkArea = ".eoonnx";
    private const string Threads = "GDAL_NUM_THREADS";
    private readonly string _path;
    private readonly RasterProfile _profile;
    private readonly string _resampling;
    private readonly StripJournal _journal;
    private readonly PixelSize _rows;
    private string? _replacement;
    private bool _completed;

    /// <summary>Pixels by class value, for the attribute table of a class map; set it before <see cref="Complete(CancellationToken)"/>.</summary>
    public IReadOnlyList<long> ClassPixels { get; set; } = [];

    private CogSink(string path, RasterProfile profile, PixelSize rows, string resampling, StripJournal journal) =>
        (_path, _profile, _rows, _resampling, _journal) = (path, profile, rows, resampling, journal);

    /// <inheritdoc/>
    public int FirstMissingRow => FirstMissingColumn == _rows.Width ? _rows.Height : _journal.Next.Row;

    /// <summary>First column of the panel that <see cref="FirstMissingRow"/> belongs to; the width of the map when it is complete.</summary>
    public int FirstMissingColumn => _journal.Next.Column;

    /// <summary>Columns of the first panel in which an earlier run stored rows; null when there are none.</summary>
    public int? PanelWidth => _journal.PanelWidth;

    /// <summary>Where a run that does not come to its end leaves its report.</summary>
    public string UnfinishedReportPath => Path.Combine(Path.GetDirectoryName(_journal.RowsPath)!, "report.json");

    /// <summary>The rows while the map is being made: a raster without georeferencing, band-interleaved by line.</summary>
    public string RowsPath => _replacement ?? _journal.RowsPath;

    /// <summary>Last bands of the rows that do not go into the map; set it before <see cref="Complete(CancellationToken)"/>.</summary>
    public int HiddenBands { get; set; }

    /// <summary>The map itself is kept; else only what is made of it before it would appear. Set it before <see cref="Complete(CancellationToken)"/>.</summary>
    public bool KeepsMap { get; set; } = true;

    /// <summary>The work area stays when the map is complete. Set it before <see cref="Complete(CancellationToken)"/>.</summary>
    public bool KeepsWork { get; set; }

    /// <summary>The file gets overviews. Set it before <see cref="Complete(CancellationToken)"/>.</summary>
    public bool HasOverviews { get; set; } = true;

    /// <summary>Bytes that a map and its work area may need on disk while it is made: raw rows, the map and a third for its overviews.</summary>
    /// <param name="profile">The map.</param>
    /// <param name="replaces">Whether the rows will be replaced, which takes their size again.</param>
    public static long DiskBytes(RasterProfile profile, bool replaces = false) => (long)profile.Size.Width * profile.BandCount * profile.Type.SizeInBytes() * profile.Size.Height / 3 * (replaces ? 10 : 7);

    /// <summary>Opens the work area of a map.</summary>
    /// <param name="path">The map; its folder must exist.</param>
    /// <param name="profile">Grid, type and labels of the map.</param>
    /// <param name="job">Everything that can change a pixel, by name: an unfinished run with other values is refused.</param>
    /// <param name="restart">Discard an unfinished run.</param>
    /// <param name="overwrite">Replace a map that exists.</param>
    /// <param name="replaced">Size of the stored rows where they will be replaced by those of the map, see <see cref="Replace"/>: the disk must have room for it. Null where they are the map.</param>
    /// <exception cref="MapInUseException">Another run holds the work area, or has just made the map.</exception>
    /// <exception cref="RasterException">An unfinished run was a different job.</exception>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public static CogSink Open(string path, RasterProfile profile, IReadOnlyDictionary<string, string> job, bool restart = false, bool overwrite = true, PixelSize? replaced = null)
    {
        GdalLibrary.Ensure();
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new RasterException($"The folder of {path} does not exist. Create it first: mkdir -p '{folder}'");
        }

        var stored = replaced ?? profile.Size;
        var layout = new StripLayout(stored.Width, stored.Height, profile.BandCount, profile.Type.SizeInBytes());
        var rows = new FileInfo(Path.Combine(path + WorkArea, "rows.bil"));
        var needed = DiskBytes(profile with { Size = stored }, replaced is not null) - (rows.Exists ? rows.Length : 0);
        if (FreeDiskSpace.Lack(folder, needed) is { } lack)
        {
            throw new RasterException($"{lack} (the map {path} and its work area). Free some space or write elsewhere with --out.");
        }

        // Classes are resampled by majority in overviews, values by averaging.
        var resampling = profile.CategoryNames.Count > 0 || (profile.Type == RasterType.Byte && profile.BandScaling.All(scaling => scaling is null)) ? "MODE" : "AVERAGE";
        return new CogSink(path, profile, stored, resampling, OpenWorkArea(path, job, layout, restart, overwrite));
    }

    /// <inheritdoc/>
    /// <exception cref="RasterException">The disk is full; the work area stays for a later run.</exception>
    public void Write(int firstRow, ReadOnlySpan<byte> rows) => Write(firstRow, 0, _rows.Width, rows);

    /// <summary>Stores the next rows of a panel, a range of columns, durably. Panels go from left to right, each from top to bottom.</summary>
    /// <param name="firstRow">Must be the next missing row.</param>
    /// <param name="column">First column of the panel.</param>
    /// <param name="columns">Columns of the panel.</param>
    /// <param name="rows">[row, band, column] of the panel.</param>
    /// <exception cref="RasterException">The disk is full; the work area stays for a later run.</exception>
    public void Write(int firstRow, int column, int columns, ReadOnlySpan<byte> rows)
    {
        try
        {
            _journal.Append(firstRow, column, columns, rows);
        }
        catch (IOException failure)
        {
            throw new RasterException($"Row {firstRow} of {_path} cannot be stored: {failure.Message}. The {_path}{WorkArea} folder keeps what is done; free some space and give the same command to continue.", failure);
        }
    }

    /// <inheritdoc/>
    public void Read(int firstRow, Span<byte> rows) => Read(firstRow, 0, _rows.Width, rows);

    /// <summary>Reads rows that are already stored.</summary>
    /// <param name="firstRow">The first of them.</param>
    /// <param name="column">First column of the panel they were written in.</param>
    /// <param name="columns">Columns of that panel.</param>
    /// <param name="rows">[row, band, column], as they were written; all of it must be stored.</param>
    public void Read(int firstRow, int column, int columns, Span<byte> rows) => _journal.Read(firstRow, column, columns, rows);

    /// <inheritdoc/>
    /// <exception cref="RasterException">Rows are missing, or the disk is full; the work area stays.</exception>
    public void Replace(Action<RowWriter> rewrite)
    {
        ArgumentNullException.ThrowIfNull(rewrite);
        CheckComplete();
        var path = Path.Combine(_path + WorkArea, "replaced.bil");
        try
        {
            // Not flushed to disk: the stored rows are what a later run continues with, and the map is compared with what is read here.
            using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, 1);
            rewrite((_, rows) => file.Write(rows));
        }
        catch (IOException failure)
        {
            throw new RasterException($"The rows of {_path} cannot be replaced: {failure.Message}. The {_path}{WorkArea} folder keeps what is done; free some space and give the same command to continue.", failure);
        }

        _replacement = path;
    }

    /// <inheritdoc/>
    /// <exception cref="RasterException">Rows are missing, or GDAL cannot write the map; the work area stays.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the work area stays.</exception>
    public void Complete(CancellationToken cancellation = default) => Complete(static _ => { }, cancellation);

    /// <summary>Turns the rows into the file; what belongs to the map is made before the map appears, so that it is the mark of completeness.</summary>
    /// <param name="beforeAppearing">Gets the verified map under a temporary name.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="RasterException">Rows are missing, or GDAL cannot write the map; the work area stays.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the work area stays.</exception>
    public void Complete(Action<string> beforeAppearing, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(beforeAppearing);
        CheckComplete();
        var temporary = AtomicFile.TemporaryName(_path);
        try
        {
            NativeHeap.Trim();
            WriteCog(temporary, cancellation);
            NativeHeap.Trim();
            WrittenMap.Check(temporary, RowsPath, _profile with { BandCount = _profile.BandCount - HiddenBands }, _path, cancellation);
            NativeHeap.Trim();
            beforeAppearing(temporary);
            if (KeepsMap)
            {
                if (File.Exists(temporary + ".aux.xml"))
                {
                    File.Move(temporary + ".aux.xml", _path + ".aux.xml", overwrite: true);
                }

                File.Move(temporary, _path, overwrite: true);
            }
        }
        finally
        {
            AtomicFile.Discard(temporary);
            AtomicFile.Discard(temporary + ".aux.xml");
            AtomicFile.Discard(temporary + ".ovr.tmp");
        }

        if (KeepsWork)
        {
            return; // closed by Dispose
        }

        _completed = true;
        _journal.Delete();
    }

    /// <summary>Closes the work area; an unfinished one stays on disk for a later run.</summary>
    public void Dispose()
    {
        if (!_completed)
        {
            _journal.Dispose();
        }
    }

    private void CheckComplete()
    {
        if (FirstMissingRow != _rows.Height)
        {
            throw new RasterException($"{_path} has {FirstMissingRow} of {_rows.Height} rows; it cannot be completed.");
        }
    }

    private static StripJournal OpenWorkArea(string path, IReadOnlyDictionary<string, string> job, StripLayout layout, bool restart, bool overwrite)
    {
        try
        {
            return StripJournal.Open(path + WorkArea, job, layout, restart, overwrite ? null : path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RasterException($"The work area {path}{WorkArea} cannot be written: {failure.Message} Write elsewhere with --out.", failure);
        }
    }

    private unsafe void WriteCog(string target, CancellationToken cancellation)
    {
        File.WriteAllText(Path.ChangeExtension(RowsPath, ".hdr"), EnviHeader.Text(_profile.Size, _profile.BandCount, _profile.Type, "bil"));
        using var raw = GdalDatasetHandle.Open(RowsPath);
        var vrtName = $"/vsimem/{Guid.NewGuid():N}.vrt";
        Gdal.CPLErrorReset();
        var shown = _profile with { BandCount = _profile.BandCount - HiddenBands };
        using var arguments = new GdalStringList(["-of", "VRT", .. Enumerable.Range(1, shown.BandCount).SelectMany(band => (string[])["-b", band.ToString(CultureInfo.InvariantCulture)])]);
        var options = Gdal.GDALTranslateOptionsNew(arguments.Pointer, 0);
        using var vrt = Translate(vrtName, raw, options);
        shown.ApplyTo(vrt, _path);
        MarkHalfPrecision(vrt);
        if (_profile.CategoryNames.Count > 0)
        {
            AttributeTable.Apply(Gdal.GDALGetRasterBand(vrt, 1), _profile, ClassPixels, _path);
        }

        // Overviews are read while they are written. With threads a tile may be read before the thread that compresses it has stored it (GDAL pull request 8561, mended in 3.8):
        // the next overview then lacks it, and equal runs give other bytes. Overviews follow the configuration, which the environment may set, before the option of the driver.
        var threads = HasOverviews ? "1" : "ALL_CPUS";
        Gdal.CPLSetThreadLocalConfigOption(Threads, threads);
        try
        {
            using var creation = new GdalStringList("COMPRESS=DEFLATE", "NUM_THREADS=" + threads, string.Create(CultureInfo.InvariantCulture, $"BLOCKSIZE={BlockSize(_profile)}"), "BIGTIFF=IF_SAFER", "OVERVIEW_RESAMPLING=" + _resampling, "OVERVIEWS=" + (HasOverviews ? "AUTO" : "NONE"),
                "PREDICTOR=" + (_resampling == "MODE" ? "NO" : "YES"));
            Gdal.CPLErrorReset();
            using var progress = new GdalProgress(cancellation);
            using var copy = Gdal.GDALCreateCopy(Gdal.GDALGetDriverByName("COG"), target, vrt, 0, creation.Pointer, GdalProgress.Callback, progress.Data);
            cancellation.ThrowIfCancellationRequested();
            copy.Checked($"Cannot write {_path}");
            Gdal.CPLErrorReset();
        }
        finally
        {
            Gdal.CPLSetThreadLocalConfigOption(Threads, null);
        }

        GdalError.CheckState($"Cannot write {_path}");
    }

    // The driver has no option for it; it copies what a band says about itself.
    private void MarkHalfPrecision(GdalDatasetHandle vrt)
    {
        for (var band = 1; band <= _profile.BandCount && _profile.HalfPrecision; band++)
        {
            GdalError.Check(Gdal.GDALSetBandMetadataItem(Gdal.GDALGetRasterBand(vrt, band), "NBITS", "16", "IMAGE_STRUCTURE"), $"Cannot store {_path} in half precision");
        }
    }

    // A block holds all bands: those of an embedding are kept small.
    private static int BlockSize(RasterProfile profile)
    {
        const long most = 32L << 20;
        var size = 512;
        while (size > 128 && (long)size * size * profile.BandCount * profile.Type.SizeInBytes() > most)
        {
            size /= 2;
        }

        return size;
    }

    private unsafe GdalDatasetHandle Translate(string name, GdalDatasetHandle source, nint options)
    {
        int usageError;
        var vrt = Gdal.GDALTranslate(name, source, options, &usageError);
        Gdal.GDALTranslateOptionsFree(options);
        return vrt.Checked($"Cannot prepare {_path}");
    }
}
