using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Numbers in half precision, held as singles that are exactly such; NaN where there is none.</summary>
internal sealed class HalfEncoder(int channels) : MapEncoder(RasterType.Float32, channels)
{
    private readonly Half[] _half = new Half[1024];

    public override double NoData => double.NaN;

    public override IReadOnlyList<(double Scale, double Offset)?> Scaling => [];

    public override void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        for (var k = 0; k < Bands; k++)
        {
            var source = scores.Slice(k * plane, valid.Length);
            var target = MemoryMarshal.Cast<byte, float>(row).Slice((k * width) + column, valid.Length);
            TensorPrimitives.Clamp(source, (float)Half.MinValue, (float)Half.MaxValue, target);
            for (var first = 0; first < target.Length; first += _half.Length)
            {
                var part = target.Slice(first, Math.Min(_half.Length, target.Length - first));
                TensorPrimitives.ConvertToHalf(part, _half);
                TensorPrimitives.ConvertToSingle(_half.AsSpan(0, part.Length), part);
            }

            for (var i = 0; i < valid.Length; i++)
            {
                if (valid[i] != 1)
                {
                    target[i] = float.NaN;
                }
                else
                {
                    Undefined += k == 0 && float.IsNaN(source[i]) ? 1 : 0;
                    Clipped += Math.Abs(source[i]) > (float)Half.MaxValue ? 1 : 0;
                }
            }
        }
    }
}

/// <summary>Numbers of each band as one of 255 steps over the band's range; 255 is nodata.</summary>
internal sealed class ByteEncoder : MapEncoder
{
    private const int Steps = 254;
    private readonly IReadOnlyList<(float Low, float High)> _ranges;

    /// <summary>An encoder.</summary>
    /// <param name="ranges">Smallest and largest number of each band.</param>
    public ByteEncoder(IReadOnlyList<(float Low, float High)> ranges) : base(RasterType.Byte, ranges.Count)
    {
        _ranges = ranges;
        Scaling = [.. ranges.Select(range => ((double Scale, double Offset)?)(((double)range.High - range.Low) / Steps, range.Low))];
    }

    public override double NoData => byte.MaxValue;

    public override IReadOnlyList<(double Scale, double Offset)?> Scaling { get; }

    public override void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        for (var k = 0; k < Bands; k++)
        {
            var (low, high) = _ranges[k];
            var factor = Steps / (high - low);
            var target = row.Slice((k * width) + column, valid.Length);
            for (var i = 0; i < target.Length; i++)
            {
                var value = scores[(k * plane) + i];
                target[i] = valid[i] != 1 || float.IsNaN(value) ? byte.MaxValue : (byte)MathF.Round(Math.Clamp((value - low) * factor, 0, Steps));
                Undefined += k == 0 && valid[i] == 1 && float.IsNaN(value) ? 1 : 0;
                Clipped += valid[i] == 1 && (value < low || value > high) ? 1 : 0;
            }
        }
    }
}
