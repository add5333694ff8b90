namespace EoOnnx.Raster;

/// <summary>Takes the rows of a map into an array of the whole map.</summary>
public sealed class MemorySink : IStripSink
{
    private readonly RasterProfile _map;
    private RasterProfile _profile;
    private byte[] _pixels;
    private int _lineBytes;

    /// <summary>A sink that holds the whole map.</summary>
    /// <param name="profile">Grid and type of the map.</param>
    /// <param name="replaced">Size of the rows that are written where they will be replaced by those of the map, see <see cref="Replace"/>; null where they are the map.</param>
    /// <exception cref="RasterException">The map is too large for one array.</exception>
    public MemorySink(RasterProfile profile, PixelSize? replaced = null)
    {
        ArgumentNullException.ThrowIfNull(profile);
        _map = profile;
        profile = profile with { Size = replaced ?? profile.Size };
        var bytes = checked((long)profile.Size.Width * profile.Size.Height * profile.BandCount * profile.Type.SizeInBytes());
        if (bytes > Array.MaxLength)
        {
            throw new RasterException($"The map of {profile.Size.Width} x {profile.Size.Height} pixels with {profile.BandCount} bands takes {bytes >> 20} MiB; an array holds {Array.MaxLength >> 20} MiB. " +
                "Write it to a file (ScenePipeline.RunAsync), or map a part (SceneOptions.Window).");
        }

        (_profile, _pixels, _lineBytes) = (profile, new byte[bytes], profile.Size.Width * profile.Type.SizeInBytes());
    }

    /// <inheritdoc/>
    public int FirstMissingRow { get; private set; }

    /// <summary>The map, [band, row, column], in the bytes of its pixel type.</summary>
    public ReadOnlyMemory<byte> Pixels => _pixels;

    /// <inheritdoc/>
    public int FirstMissingColumn { get; private set; }

    /// <inheritdoc/>
    public int? PanelWidth { get; private set; }

    /// <inheritdoc/>
    public void Write(int firstRow, ReadOnlySpan<byte> rows) => Write(firstRow, 0, _profile.Size.Width, rows);

    /// <inheritdoc/>
    public void Write(int firstRow, int column, int columns, ReadOnlySpan<byte> rows)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(firstRow, FirstMissingRow);
        ArgumentOutOfRangeException.ThrowIfNotEqual(column, FirstMissingColumn);
        var (left, length) = (column * _profile.Type.SizeInBytes(), columns * _profile.Type.SizeInBytes());
        for (; !rows.IsEmpty; FirstMissingRow++)
        {
            for (var band = 0; band < _profile.BandCount; band++)
            {
                rows[..length].CopyTo(Line(FirstMissingRow, band)[left..]);
                rows = rows[length..];
            }
        }

        PanelWidth ??= columns;
        if (FirstMissingRow == _profile.Size.Height && column + columns < _profile.Size.Width)
        {
            (FirstMissingRow, FirstMissingColumn) = (0, column + columns);
        }
    }

    /// <inheritdoc/>
    public void Read(int firstRow, Span<byte> rows) => Read(firstRow, 0, _profile.Size.Width, rows);

    /// <inheritdoc/>
    public void Read(int firstRow, int column, int columns, Span<byte> rows)
    {
        var (left, length) = (column * _profile.Type.SizeInBytes(), columns * _profile.Type.SizeInBytes());
        for (var row = firstRow; !rows.IsEmpty; row++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, column < FirstMissingColumn ? _profile.Size.Height : column == FirstMissingColumn ? FirstMissingRow : 0);
            for (var band = 0; band < _profile.BandCount; band++)
            {
                Line(row, band).Slice(left, length).CopyTo(rows);
                rows = rows[length..];
            }
        }
    }

    /// <inheritdoc/>
    public void Replace(Action<RowWriter> rewrite)
    {
        ArgumentNullException.ThrowIfNull(rewrite);
        var replaced = new MemorySink(_map);
        rewrite(replaced.Write);
        replaced.Complete();
        (_profile, _pixels, _lineBytes, FirstMissingRow) = (_map, replaced._pixels, replaced._lineBytes, replaced.FirstMissingRow);
    }

    /// <inheritdoc/>
    /// <exception cref="RasterException">Rows are missing.</exception>
    public void Complete(CancellationToken cancellation = default)
    {
        if (FirstMissingRow != _profile.Size.Height)
        {
            throw new RasterException($"The map has {FirstMissingRow} of {_profile.Size.Height} rows; it cannot be completed.");
        }
    }

    /// <summary>Does nothing: the array goes with its last user.</summary>
    public void Dispose()
    {
        // Only memory of the runtime is held.
    }

    private Span<byte> Line(int row, int band) => _pixels.AsSpan(checked(((band * _profile.Size.Height) + row) * _lineBytes), _lineBytes);
}
