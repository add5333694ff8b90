using EoOnnx.Export.Architectures;

namespace EoOnnx.Export.Tests.Architectures;

public class SineCosineTablesTests
{
    [Fact]
    public void A_volume_encodes_column_then_row_then_frame()
    {
        var table = SineCosineTables.Volume(frames: 2, rows: 3, columns: 4, width: 32);
        Assert.Equal([24, 32], table.Shape);
        var token = table.AsSpan<float>().Slice((((1 * 3) + 2) * 4 * 32) + (3 * 32), 32).ToArray(); // frame 1, row 2, column 3
        Assert.Equal(Encoding(3, 12), token[..12]);
        Assert.Equal(Encoding(2, 12), token[12..24]);
        Assert.Equal(Encoding(1, 8), token[24..]);
    }

    [Fact]
    public void A_plane_encodes_the_slow_axis_first()
    {
        var table = SineCosineTables.Plane(rows: 3, columns: 5, width: 8);
        Assert.Equal([1, 15, 8], table.Shape);
        var token = table.AsSpan<float>().Slice(((2 * 5) + 4) * 8, 8).ToArray(); // row 2, column 4
        Assert.Equal(Encoding(2, 4), token[..4]);
        Assert.Equal(Encoding(4, 4), token[4..]);
    }

    [Fact]
    public void A_line_encodes_its_positions()
    {
        var table = SineCosineTables.Line(length: 7, width: 6);
        Assert.Equal([1, 7, 6], table.Shape);
        Assert.Equal(Encoding(5, 6), table.AsSpan<float>().Slice(5 * 6, 6).ToArray());
    }

    [Fact]
    public void A_width_that_three_axes_cannot_share_is_refused_with_the_number() =>
        Assert.Contains("40", Assert.Throws<ExportException>(() => SineCosineTables.Volume(1, 2, 2, 40)).Message, StringComparison.Ordinal);

    private static float[] Encoding(int position, int width) =>
    [
        .. Enumerable.Range(0, width / 2).Select(k => (float)Math.Sin(position * Math.Pow(10_000, -2.0 * k / width))),
        .. Enumerable.Range(0, width / 2).Select(k => (float)Math.Cos(position * Math.Pow(10_000, -2.0 * k / width))),
    ];
}
