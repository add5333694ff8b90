using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Values as one of 65,535 steps over a range, half the size of single precision: value = number · scale + offset; −32768 is nodata.</summary>
internal sealed class ShortEncoder : MapEncoder
{
    private const int Largest = short.MaxValue;
    private readonly float _low, _high, _factor, _offset;

    /// <summary>An encoder.</summary>
    /// <param name="channels">Bands.</param>
    /// <param name="range">What can be stored; values outside are cut to it and counted.</param>
    /// <param name="scale">Factor from the model's answer to values.</param>
    public ShortEncoder(int channels, ValueRange range, float scale = 1) : base(RasterType.Int16, channels)
    {
        var (step, middle) = ((range.High - range.Low) / (2 * Largest), (range.Low + range.High) / 2);
        (_low, _high, _factor, _offset) = ((float)(range.Low / scale), (float)(range.High / scale), (float)(scale / step), (float)(-middle / step));
        (_low, _high) = (Math.Min(_low, _high), Math.Max(_low, _high));
        Scaling = [.. Enumerable.Repeat<(double, double)?>((step, middle), channels)];
    }

    public override double NoData => short.MinValue;

    public override IReadOnlyList<(double Scale, double Offset)?> Scaling { get; }

    public override void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        for (var k = 0; k < Bands; k++)
        {
            var target = MemoryMarshal.Cast<byte, short>(row).Slice((k * width) + column, valid.Length);
            for (var i = 0; i < target.Length; i++)
            {
                var value = scores[(k * plane) + i];
                target[i] = valid[i] != 1 || float.IsNaN(value) ? short.MinValue : (short)MathF.Round(Math.Clamp((value * _factor) + _offset, -Largest, Largest));
                Undefined += k == 0 && valid[i] == 1 && float.IsNaN(value) ? 1 : 0;
                Clipped += valid[i] == 1 && (value < _low || value > _high) ? 1 : 0;
            }
        }
    }
}
