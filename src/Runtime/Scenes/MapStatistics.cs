using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Counts the pixels of finished rows, also of those that an earlier run had stored.</summary>
/// <param name="profile">What the rows hold.</param>
/// <param name="area">The areas of its pixels.</param>
/// <param name="sureness">The band that holds the probability of the class, from 0; null when none does.</param>
internal sealed class MapStatistics(RasterProfile profile, GroundArea area, int? sureness = null)
{
    private readonly long[] _counts = new long[1 << 16];
    private readonly long[] _sureness = new long[sureness is null ? 0 : 1 << 16];
    private readonly double[] _squareMetres = new double[1 << 16];
    private readonly long[] _row = new long[1 << 16];
    private readonly int _values = profile.CategoryNames.Count;
    private readonly ValueSpread[] _spreads = [.. Enumerable.Range(0, profile.Type is RasterType.Int16 or RasterType.Float32 && profile.BandCount <= ValueSpread.MostBands ? profile.BandCount : 0).Select(_ => new ValueSpread())];

    /// <summary>Pixels with a value.</summary>
    public long Predicted { get; private set; }

    /// <summary>Their area in square metres; NaN when the grid is not placed on the ground.</summary>
    public double SquareMetres { get; private set; }

    /// <summary>The stored numbers of each band of a map of values; none for other maps and for those of many bands.</summary>
    public IReadOnlyList<ValueSpread> Spreads => _spreads;

    /// <summary>Pixels of a class and their area.</summary>
    public (long Pixels, double SquareMetres) Of(int id) => (_counts[id], _squareMetres[id]);

    /// <summary>Mean of the stored probabilities of a class; null when none are stored, or no pixel has the class.</summary>
    public double? SurenessOf(int id) => sureness is null || _counts[id] == 0 ? null : (double)_sureness[id] / _counts[id];

    /// <summary>Counts rows.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="rows">[row, band, column] as the map stores them.</param>
    public void Add(int first, int columns, ReadOnlySpan<byte> rows)
    {
        var bandBytes = columns * profile.Type.SizeInBytes();
        var rowBytes = bandBytes * profile.BandCount;
        for (var offset = 0; offset < rows.Length; offset += rowBytes)
        {
            var pixelArea = area.PerPixel(first + (offset / rowBytes)) ?? double.NaN;
            var row = rows.Slice(offset, rowBytes);
            var sure = sureness is { } band ? row.Slice(band * bandBytes, bandBytes) : [];
            var predicted = profile.Type switch
            {
                RasterType.Byte => Count(row[..bandBytes], sure, pixelArea),
                RasterType.UInt16 => Count(MemoryMarshal.Cast<byte, ushort>(row[..bandBytes]), MemoryMarshal.Cast<byte, ushort>(sure), pixelArea),
                RasterType.Int16 => Count(MemoryMarshal.Cast<byte, short>(row), columns),
                _ => Count(MemoryMarshal.Cast<byte, float>(row), columns),
            };
            Predicted += predicted;
            SquareMetres += predicted * pixelArea;
        }
    }

    private long Count(ReadOnlySpan<byte> row, ReadOnlySpan<byte> sure, double pixelArea)
    {
        for (var i = 0; i < row.Length; i++)
        {
            _row[row[i]]++;
        }

        for (var i = 0; i < sure.Length; i++)
        {
            _sureness[row[i]] += sure[i];
        }

        return Take(row.Length, pixelArea);
    }

    private long Count(ReadOnlySpan<ushort> row, ReadOnlySpan<ushort> sure, double pixelArea)
    {
        for (var i = 0; i < row.Length; i++)
        {
            _row[row[i]]++;
        }

        for (var i = 0; i < sure.Length; i++)
        {
            _sureness[row[i]] += sure[i];
        }

        return Take(row.Length, pixelArea);
    }

    private long Count(ReadOnlySpan<short> row, int columns)
    {
        for (var i = 0; i < _spreads.Length * columns; i++)
        {
            if (row[i] != short.MinValue)
            {
                _spreads[i / columns].Add(row[i]);
            }
        }

        return columns - row[..columns].Count(short.MinValue);
    }

    private long Count(ReadOnlySpan<float> row, int columns)
    {
        for (var i = 0; i < _spreads.Length * columns; i++)
        {
            if (!float.IsNaN(row[i]))
            {
                _spreads[i / columns].Add(row[i]);
            }
        }

        var predicted = 0L;
        foreach (var value in row[..columns])
        {
            predicted += float.IsNaN(value) ? 0 : 1;
        }

        return predicted;
    }

    private long Take(int pixels, double pixelArea)
    {
        for (var value = 0; value < _values; value++)
        {
            _counts[value] += _row[value];
            _squareMetres[value] += _row[value] * pixelArea;
        }

        var predicted = pixels - _row[(int)profile.NoData!.Value];
        Array.Clear(_row);
        return predicted;
    }
}

/// <summary>Smallest, largest and mean of the numbers that a band stores.</summary>
internal sealed class ValueSpread
{
    /// <summary>Maps of more bands are not looked at.</summary>
    public const int MostBands = 16;

    private double _sum;
    private long _count;

    public double Low { get; private set; } = double.PositiveInfinity;

    public double High { get; private set; } = double.NegativeInfinity;

    /// <summary>NaN without any number.</summary>
    public double Mean => _sum / _count;

    public void Add(double value)
    {
        (Low, High) = (value < Low ? value : Low, value > High ? value : High);
        _sum += value;
        _count++;
    }
}
