using System.Buffers.Binary;
using System.Numerics;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Turns blended scores into the bytes that the map stores. Used by one thread.</summary>
internal abstract class MapEncoder(RasterType type, int bands)
{
    /// <summary>Pixel type of every band.</summary>
    public RasterType Type { get; } = type;

    /// <summary>Number of bands.</summary>
    public int Bands { get; } = bands;

    /// <summary>Valid pixels for which the model said NaN; they are nodata in the map.</summary>
    public long Undefined { get; protected set; }

    /// <summary>Numbers that were cut to the range that can be stored.</summary>
    public long Clipped { get; protected set; }

    /// <summary>Value of missing pixels.</summary>
    public abstract double NoData { get; }

    /// <summary>Scale and offset of each band.</summary>
    public abstract IReadOnlyList<(double Scale, double Offset)?> Scaling { get; }

    /// <summary>Encodes neighbouring pixels of a row.</summary>
    /// <param name="scores">[class][pixel]; the first pixel of class k is at k · <paramref name="plane"/>.</param>
    /// <param name="plane">Elements from class to class.</param>
    /// <param name="valid">1 where the map has a value, one a pixel.</param>
    /// <param name="row">The map's row, [band, column], little-endian.</param>
    /// <param name="width">Columns of the map.</param>
    /// <param name="column">Column of the first pixel.</param>
    public abstract void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column);
}

/// <summary>The class of the largest score, and on request how sure the model is.</summary>
internal sealed class ClassEncoder : MapEncoder
{
    /// <summary>Factor from stored confidences to 0 to 1.</summary>
    public const double ConfidenceScale = 1.0 / 254;

    private readonly int[] _ids;
    private readonly int _channels;
    private readonly ConfidenceBand[] _confidences;
    private readonly float _threshold;
    private readonly float[] _pixel;
    private readonly int[] _best = new int[1024];

    /// <summary>An encoder.</summary>
    /// <param name="ids">Map values, one a class; two for one channel that means the second class.</param>
    /// <param name="channels">Channels of the scores.</param>
    /// <param name="confidence">The additional band.</param>
    /// <param name="threshold">Score below which a pixel is of the first class; null is 0.5 for one channel and none for several.</param>
    /// <param name="hidden">A further band for the use of the program.</param>
    public ClassEncoder(IReadOnlyList<int> ids, int channels, ConfidenceBand confidence, double? threshold = null, ConfidenceBand hidden = ConfidenceBand.None)
        : base(ids.Max() > 254 ? RasterType.UInt16 : RasterType.Byte, 1 + (confidence == ConfidenceBand.None ? 0 : 1) + (hidden == ConfidenceBand.None ? 0 : 1)) =>
        (_ids, _channels, _confidences, _threshold, _pixel) =
        ([.. ids], channels, [.. new[] { confidence, hidden }.Where(band => band != ConfidenceBand.None)], (float)(threshold ?? (channels == 1 ? 0.5 : double.NegativeInfinity)), new float[Math.Max(2, channels)]);

    public override double NoData => Type == RasterType.Byte ? byte.MaxValue : ushort.MaxValue;

    public override IReadOnlyList<(double Scale, double Offset)?> Scaling => [null, .. _confidences.Select(_ => ((double, double)?)(ConfidenceScale, 0))];

    public override void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        for (var first = 0; first < valid.Length; first += _best.Length)
        {
            var part = valid.Slice(first, Math.Min(_best.Length, valid.Length - first));
            if (part.Contains((byte)1))
            {
                FindBest(scores[first..], plane, part.Length);
            }

            Put(scores[first..], plane, part, row, width, column + first);
        }
    }

    private void Put(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        var missing = (int)NoData;
        for (var i = 0; i < valid.Length; i++)
        {
            var best = valid[i] == 1 ? _best[i] : -1;
            Undefined += valid[i] == 1 && best < 0 ? 1 : 0;
            Put(row, column + i, best < 0 ? missing : _ids[best]);
            for (var band = 0; band < _confidences.Length; band++)
            {
                Put(row, ((band + 1) * width) + column + i, best < 0 ? missing : (int)MathF.Round(254 * Math.Clamp(Sureness(_confidences[band], scores, plane, i, best), 0, 1)));
            }
        }
    }

    // Best of each pixel, many at a time; the last ones one by one.
    private void FindBest(ReadOnlySpan<float> scores, int plane, int count)
    {
        var (threshold, step) = (new Vector<float>(_threshold), Vector<float>.Count);
        var i = 0;
        for (; i <= count - step; i += step)
        {
            var best = new Vector<float>(scores[i..]);
            var undefined = Vector.OnesComplement(Vector.Equals(best, best));
            var index = Vector<int>.Zero;
            for (var k = 1; k < _channels; k++)
            {
                var score = new Vector<float>(scores[((k * plane) + i)..]);
                undefined |= Vector.OnesComplement(Vector.Equals(score, score));
                var larger = Vector.GreaterThan(score, best);
                best = Vector.ConditionalSelect(larger, score, best);
                index = Vector.ConditionalSelect(larger, new Vector<int>(k), index);
            }

            var enough = Vector.GreaterThanOrEqual(best, threshold);
            index = _channels == 1 ? enough & Vector<int>.One : enough & index;
            (index | undefined).CopyTo(_best, i); // −1 where a score is NaN
        }

        for (; i < count; i++)
        {
            _best[i] = Best(scores, plane, i);
        }
    }

    // The first of the largest; −1 when any score is NaN.
    private int Best(ReadOnlySpan<float> scores, int plane, int pixel)
    {
        var first = scores[pixel];
        if (_channels == 1)
        {
            return float.IsNaN(first) ? -1 : first >= _threshold && first != 0 ? 1 : 0; // at a threshold of 0, what is not 0 is the class
        }

        var best = float.IsNaN(first) ? -1 : 0;
        for (var k = 1; k < _channels && best >= 0; k++)
        {
            var score = scores[(k * plane) + pixel];
            best = float.IsNaN(score) ? -1 : score > scores[(best * plane) + pixel] ? k : best;
        }

        return best > 0 && scores[(best * plane) + pixel] < _threshold ? 0 : best;
    }

    private float Sureness(ConfidenceBand kind, ReadOnlySpan<float> scores, int plane, int pixel, int best)
    {
        var count = _pixel.Length;
        if (_channels == 1)
        {
            (_pixel[0], _pixel[1]) = (1 - scores[pixel], scores[pixel]);
        }
        else
        {
            for (var k = 0; k < count; k++)
            {
                _pixel[k] = scores[(k * plane) + pixel];
            }
        }

        switch (kind)
        {
            case ConfidenceBand.Entropy:
                var sum = 0f;
                foreach (var p in _pixel)
                {
                    sum -= p > 0 ? p * MathF.Log(p) : 0;
                }

                return sum / MathF.Log(count);
            case ConfidenceBand.Margin:
                var second = 0f;
                for (var k = 0; k < count; k++)
                {
                    second = k == best ? second : Math.Max(second, _pixel[k]);
                }

                return _pixel[best] - second;
            default:
                return _pixel[best];
        }
    }

    private void Put(Span<byte> row, int position, int value)
    {
        if (Type == RasterType.Byte)
        {
            row[position] = (byte)value;
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(row[(2 * position)..], (ushort)value);
        }
    }
}

/// <summary>The probability of each class as round(254 · p).</summary>
internal sealed class ProbabilityEncoder(int classes) : MapEncoder(RasterType.Byte, classes)
{
    public override double NoData => byte.MaxValue;

    public override IReadOnlyList<(double Scale, double Offset)?> Scaling { get; } = [.. Enumerable.Repeat<(double, double)?>((1.0 / 254, 0), classes)];

    public override void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        for (var i = 0; i < valid.Length; i++)
        {
            var missing = valid[i] != 1;
            for (var k = 0; k < Bands && !missing; k++)
            {
                missing = float.IsNaN(scores[(k * plane) + i]);
                Undefined += missing ? 1 : 0;
            }

            for (var k = 0; k < Bands; k++)
            {
                row[(k * width) + column + i] = missing ? byte.MaxValue : (byte)MathF.Round(254 * Math.Clamp(scores[(k * plane) + i], 0, 1));
            }
        }
    }
}

/// <summary>Values as they are, NaN where there is none.</summary>
internal sealed class ValueEncoder(int channels, float scale = 1) : MapEncoder(RasterType.Float32, channels)
{
    public override double NoData => double.NaN;

    public override IReadOnlyList<(double Scale, double Offset)?> Scaling => [];

    public override void Encode(ReadOnlySpan<float> scores, int plane, ReadOnlySpan<byte> valid, Span<byte> row, int width, int column)
    {
        for (var k = 0; k < Bands; k++)
        {
            var source = scores.Slice(k * plane, valid.Length);
            var target = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(row).Slice((k * width) + column, valid.Length);
            source.CopyTo(target);
            for (var i = 0; i < valid.Length; i++)
            {
                if (valid[i] != 1)
                {
                    target[i] = float.NaN;
                }
                else if (float.IsNaN(source[i]))
                {
                    Undefined += k == 0 ? 1 : 0;
                }
                else
                {
                    target[i] *= scale;
                }
            }
        }
    }
}
