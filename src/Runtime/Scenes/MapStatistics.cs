using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Counts the pixels of finished rows, also of those that an earlier run had stored.</summary>
internal sealed class MapStatistics(RasterProfile profile, GroundArea area)
{
    private readonly long[] _counts = new long[1 << 16];
    private readonly double[] _squareMetres = new double[1 << 16];
    private readonly long[] _row = new long[1 << 16];
    private readonly int _values = profile.CategoryNames.Count;

    /// <summary>Pixels with a value.</summary>
    public long Predicted { get; private set; }

    /// <summary>Their area in square metres; NaN when the grid is not placed on the ground.</summary>
    public double SquareMetres { get; private set; }

    /// <summary>Pixels of a class and their area.</summary>
    public (long Pixels, double SquareMetres) Of(int id) => (_counts[id], _squareMetres[id]);

    /// <summary>Counts rows.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="rows">[row, band, column] as the map stores them.</param>
    public void Add(int first, int columns, ReadOnlySpan<byte> rows)
    {
        var rowBytes = columns * profile.BandCount * profile.Type.SizeInBytes();
        for (var offset = 0; offset < rows.Length; offset += rowBytes)
        {
            var pixelArea = area.PerPixel(first + (offset / rowBytes)) ?? double.NaN;
            var row = rows.Slice(offset, columns * profile.Type.SizeInBytes());
            var predicted = profile.Type switch
            {
                RasterType.Byte => Count(row, pixelArea),
                RasterType.UInt16 => Count(MemoryMarshal.Cast<byte, ushort>(row), pixelArea),
                _ => Count(MemoryMarshal.Cast<byte, float>(row)),
            };
            Predicted += predicted;
            SquareMetres += predicted * pixelArea;
        }
    }

    private long Count(ReadOnlySpan<byte> row, double pixelArea)
    {
        foreach (var value in row)
        {
            _row[value]++;
        }

        return Take(row.Length, pixelArea);
    }

    private long Count(ReadOnlySpan<ushort> row, double pixelArea)
    {
        foreach (var value in row)
        {
            _row[value]++;
        }

        return Take(row.Length, pixelArea);
    }

    private static long Count(ReadOnlySpan<float> row)
    {
        var predicted = 0L;
        foreach (var value in row)
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
