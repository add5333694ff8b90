using System.Buffers.Binary;
using System.Numerics;

namespace EoOnnx.Raster;

/// <summary>Takes rows of the whole width, [row, band, column].</summary>
/// <param name="firstRow">The first of them.</param>
/// <param name="rows">The rows.</param>
public delegate void RowWriter(int firstRow, ReadOnlySpan<byte> rows);

/// <summary>Gives rows of the whole width, [row, band, column].</summary>
/// <param name="firstRow">The first of them.</param>
/// <param name="rows">Where they go; its length says how many.</param>
public delegate void RowReader(int firstRow, Span<byte> rows);

/// <summary>
/// Replaces each class of a map by the median of the square window around it, as OpenCV's <c>medianBlur</c> does for a whole image: specks go, edges
/// stay. Works through the rows once, from top to bottom, and holds the rows of a window, not the map.
/// </summary>
/// <remarks>
/// Behind the edge of the map its outermost pixels repeat. Missing pixels take no part and stay missing; where that leaves an even number of
/// neighbours, the lower of the two middle ones is taken, so that the result always is one of the classes. Bands after the first are kept.
/// Counts for each column move down, a window of them moves right. Source: Perreault and Hébert, Median Filtering in Constant Time, 2007.
/// </remarks>
public sealed class ClassMedian
{
    /// <summary>Largest edge of the window.</summary>
    public const int LargestWindow = 99;

    private const int BlockPixels = 1 << 19;
    private readonly int _width;
    private readonly int _height;
    private readonly int _reach;
    private readonly int _valueBytes;
    private readonly int _rowBytes;
    private readonly ushort[] _values;
    private readonly ushort[] _indexOf;
    private readonly int _blockRows;
    private readonly int _ringRows;
    private readonly ushort _missing;

    /// <summary>A filter for maps of a kind.</summary>
    /// <param name="profile">Size, type (byte or unsigned 16-bit) and bands of the map; the first band holds the classes.</param>
    /// <param name="classes">The values that are classes; any other one, as that of missing pixels, is kept and takes no part.</param>
    /// <param name="window">Edge of the window in pixels: odd, 1 to <see cref="LargestWindow"/>.</param>
    public ClassMedian(RasterProfile profile, IEnumerable<int> classes, int window)
    {
        ArgumentNullException.ThrowIfNull(profile);
        if (window is < 1 or > LargestWindow || window % 2 == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(window), window, $"The window of a median must be odd, 1 to {LargestWindow} pixels.");
        }

        if (profile.Type is not (RasterType.Byte or RasterType.UInt16))
        {
            throw new ArgumentException($"A median smooths classes, which are bytes or unsigned 16-bit numbers; found {profile.Type}.", nameof(profile));
        }

        (_width, _height, _reach, _valueBytes) = (profile.Size.Width, profile.Size.Height, window / 2, profile.Type.SizeInBytes());
        _rowBytes = checked(_width * profile.BandCount * _valueBytes);
        _missing = (ushort)(profile.NoData ?? 0);
        _values = [.. classes.Distinct().Order().Select(value => checked((ushort)value))];
        _indexOf = new ushort[1 << (8 * _valueBytes)];
        Array.Fill(_indexOf, (ushort)_values.Length);
        foreach (var (index, value) in _values.Index())
        {
            _indexOf[value] = (ushort)index;
        }

        _blockRows = Math.Clamp(BlockPixels / _width, 1, Math.Min(_height, 256));
        _ringRows = Math.Min(_height, _blockRows + (2 * _reach) + 1);
    }

    /// <summary>Missing pixels take part as a class below all others, so that pixels whose neighbours are mostly missing become missing, as at the rim of a map
    /// of QGIS Deepness that no tile has written.</summary>
    public bool MissingIsLowest { get; init; }

    /// <summary>Bytes that a pass over a map takes.</summary>
    public long Bytes => ((long)_ringRows * _width * sizeof(ushort)) + ((long)_blockRows * _rowBytes) + ((long)(_width + (2 * _reach * Parts)) * CountLength * sizeof(ushort));

    // The last count is that of missing pixels.
    private int CountLength => (_values.Length + 1 + Vector<ushort>.Count - 1) / Vector<ushort>.Count * Vector<ushort>.Count;

    private int Parts => Math.Clamp(_width / Math.Max(256, 4 * _reach), 1, Environment.ProcessorCount);

    /// <summary>Smooths a map.</summary>
    /// <param name="read">Gives its rows; called in order, for some rows twice.</param>
    /// <param name="write">Gets the smoothed rows, each once and in order.</param>
    /// <param name="cancellation">Ends the work within some rows.</param>
    public void Run(RowReader read, RowWriter write, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentNullException.ThrowIfNull(write);
        var ring = new ushort[checked(_ringRows * _width)];
        var rows = new byte[_blockRows * _rowBytes];
        var columns = Enumerable.Range(0, Parts).Select(part => new Columns(this, ring, (int)((long)_width * part / Parts), (int)((long)_width * (part + 1) / Parts))).ToArray();
        var known = 0;
        for (var first = 0; first < _height; first += _blockRows)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(_blockRows, _height - first);
            for (var end = Math.Min(_height, first + count + _reach); known < end;)
            {
                var next = rows.AsSpan(0, Math.Min(_blockRows, end - known) * _rowBytes);
                read(known, next);
                for (; !next.IsEmpty; next = next[_rowBytes..])
                {
                    Index(next, ring.AsSpan(known++ % _ringRows * _width, _width));
                }
            }

            read(first, rows.AsSpan(0, count * _rowBytes));
            Parallel.ForEach(columns, part => part.Smooth(first, count, rows));
            write(first, rows.AsSpan(0, count * _rowBytes));
        }
    }

    private void Index(ReadOnlySpan<byte> row, Span<ushort> indices)
    {
        for (var column = 0; column < indices.Length; column++)
        {
            indices[column] = _indexOf[_valueBytes == 1 ? row[column] : BinaryPrimitives.ReadUInt16LittleEndian(row[(2 * column)..])];
        }
    }

    /// <summary>A range of columns that one thread smooths.</summary>
    private sealed class Columns
    {
        private readonly ClassMedian _filter;
        private readonly ushort[] _ring;
        private readonly int _first;
        private readonly int _end;
        private readonly int _low;
        private readonly int _stride;
        private readonly ushort[] _counts;
        private readonly ushort[] _window;

        public Columns(ClassMedian filter, ushort[] ring, int first, int end)
        {
            (_filter, _ring, _first, _end, _stride) = (filter, ring, first, end, filter.CountLength);
            _low = Math.Max(0, first - filter._reach);
            _counts = new ushort[(Math.Min(filter._width, end + filter._reach) - _low) * _stride];
            _window = new ushort[_stride];
        }

        public void Smooth(int firstRow, int count, byte[] rows)
        {
            for (var row = firstRow; row < firstRow + count; row++)
            {
                Descend(row);
                SmoothRow(row, rows.AsSpan((row - firstRow) * _filter._rowBytes, _filter._width * _filter._valueBytes));
            }
        }

        // Counts of the columns move from the window of the row above to that of this row.
        private void Descend(int row)
        {
            var reach = _filter._reach;
            if (row == 0)
            {
                for (var y = -reach; y <= reach; y++)
                {
                    var added = Indices(y);
                    for (var column = 0; column < added.Length; column++)
                    {
                        _counts[(column * _stride) + added[column]]++;
                    }
                }

                return;
            }

            var entering = Indices(row + reach);
            var leaving = Indices(row - reach - 1);
            for (var column = 0; column < entering.Length; column++)
            {
                if (entering[column] != leaving[column])
                {
                    _counts[(column * _stride) + entering[column]]++;
                    _counts[(column * _stride) + leaving[column]]--;
                }
            }
        }

        // Behind the first and the last row, these repeat.
        private ReadOnlySpan<ushort> Indices(int row) =>
            _ring.AsSpan((Math.Clamp(row, 0, _filter._height - 1) % _filter._ringRows * _filter._width) + _low, _counts.Length / _stride);

        private void SmoothRow(int row, Span<byte> classes)
        {
            var (reach, missing) = (_filter._reach, _filter._values.Length);
            var centre = Indices(row);
            Array.Clear(_window);
            for (var x = -reach; x <= reach; x++)
            {
                Add(CountsOf(_first + x));
            }

            var pixels = (2 * reach + 1) * (2 * reach + 1);
            for (var column = _first; column < _end; column++)
            {
                if (centre[column - _low] != missing)
                {
                    var rank = _filter.MissingIsLowest ? ((pixels + 1) / 2) - _window[missing] : (pixels - _window[missing] + 1) / 2;
                    Put(classes, column, rank > 0 ? _filter._values[MedianOf(rank)] : _filter._missing);
                }

                if (column + 1 < _end)
                {
                    Move(CountsOf(column + reach + 1), CountsOf(column - reach));
                }
            }
        }

        private ReadOnlySpan<ushort> CountsOf(int column) => _counts.AsSpan((Math.Clamp(column, 0, _filter._width - 1) - _low) * _stride, _stride);

        private void Add(ReadOnlySpan<ushort> column)
        {
            for (var i = 0; i < _window.Length; i += Vector<ushort>.Count)
            {
                (new Vector<ushort>(_window, i) + new Vector<ushort>(column[i..])).CopyTo(_window, i);
            }
        }

        private void Move(ReadOnlySpan<ushort> entering, ReadOnlySpan<ushort> leaving)
        {
            for (var i = 0; i < _window.Length; i += Vector<ushort>.Count)
            {
                (new Vector<ushort>(_window, i) + new Vector<ushort>(entering[i..]) - new Vector<ushort>(leaving[i..])).CopyTo(_window, i);
            }
        }

        // The class at which as many pixels are counted as the rank says; whole vectors of classes are passed at once.
        private int MedianOf(int rank)
        {
            var (sum, index) = (0, 0);
            while (index + Vector<ushort>.Count < _window.Length && sum + Vector.Sum(new Vector<ushort>(_window, index)) is var passed && passed < rank)
            {
                (sum, index) = (passed, index + Vector<ushort>.Count);
            }

            while ((sum += _window[index]) < rank)
            {
                index++;
            }

            return index;
        }

        private void Put(Span<byte> classes, int column, ushort value)
        {
            if (_filter._valueBytes == 1)
            {
                classes[column] = (byte)value;
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(classes[(2 * column)..], value);
            }
        }
    }
}
