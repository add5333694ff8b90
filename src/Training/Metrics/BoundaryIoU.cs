using System.Numerics;
using System.Numerics.Tensors;

namespace EoOnnx.Training.Metrics;

/// <summary>
/// Agreement of class boundaries. The band of class c is the set of pixels whose 5×5 neighbourhood (the part inside the image) holds both c and something else;
/// intersection and union of the bands of prediction and truth are summed over images. Class 0 is background and left out.
/// </summary>
/// <remarks>Equals dilate(mask) and not erode(mask) with a 5×5 square. Pixels with an ignored label belong to no band, image by image (TerraTorch 1.2.11 masks
/// every image with all masks of the batch, which is a defect).</remarks>
public sealed class BoundaryIoU
{
    private const int Thickness = 2;
    private const int GroupSize = 63; // classes per 64-bit word; the highest bit stands for everything else
    private const ulong Other = 1UL << GroupSize;

    private readonly int? _ignoreIndex;
    private readonly long[] _intersection;
    private readonly long[] _union;

    /// <summary>An empty accumulator.</summary>
    /// <param name="classes">Number of classes, including class 0.</param>
    /// <param name="ignoreIndex">Label of pixels that belong to no band.</param>
    public BoundaryIoU(int classes, int? ignoreIndex = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        _ignoreIndex = ignoreIndex;
        _intersection = new long[classes];
        _union = new long[classes];
    }

    /// <summary>Mean of I / (U + 1e-9) over the classes 1 … C − 1 with a non-empty union; 0 when there is none.</summary>
    public double Mean => Enumerable.Range(1, _union.Length - 1).Where(c => _union[c] > 0)
        .Select(c => _intersection[c] / (_union[c] + 1e-9)).DefaultIfEmpty(0).Average();

    /// <summary>Adds one image.</summary>
    /// <param name="predicted">Classes, [row, column], row-major.</param>
    /// <param name="target">Labels, the same size.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    public void Add(ReadOnlySpan<int> predicted, ReadOnlySpan<int> target, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(predicted.Length, checked(height * width));
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, predicted.Length);
        for (var first = 1; first < _union.Length; first += GroupSize)
        {
            var bandsOfPrediction = Bands(predicted, height, width, first);
            var bandsOfTarget = Bands(target, height, width, first);
            for (var i = 0; i < target.Length; i++)
            {
                if (target[i] != _ignoreIndex)
                {
                    Count(bandsOfPrediction[i] & bandsOfTarget[i], first, _intersection);
                    Count(bandsOfPrediction[i] | bandsOfTarget[i], first, _union);
                }
            }
        }
    }

    /// <summary>For each pixel the classes (bit k = class first + k) in whose boundary band it lies.</summary>
    private ulong[] Bands(ReadOnlySpan<int> labels, int height, int width, int first)
    {
        var last = Math.Min(first + GroupSize, _union.Length);
        var present = new ulong[labels.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            present[i] = labels[i] >= first && labels[i] < last ? 1UL << (labels[i] - first) : Other;
        }

        present = Spread(Spread(present, 1, width), width, height);
        for (var i = 0; i < present.Length; i++)
        {
            present[i] = BitOperations.IsPow2(present[i]) ? 0 : present[i] & ~Other;
        }

        return present;
    }

    /// <summary>Or of each value with its neighbours up to <see cref="Thickness"/> away along one axis.</summary>
    private static ulong[] Spread(ulong[] values, int stride, int length)
    {
        var (spread, line) = ((ulong[])values.Clone(), stride * length);
        for (var start = 0; start < values.Length; start += line)
        {
            var from = values.AsSpan(start, line);
            var to = spread.AsSpan(start, line);
            for (var shift = stride; shift <= Thickness * stride && shift < line; shift += stride)
            {
                TensorPrimitives.BitwiseOr(to[shift..], from[..^shift], to[shift..]);
                TensorPrimitives.BitwiseOr(to[..^shift], from[shift..], to[..^shift]);
            }
        }

        return spread;
    }

    private static void Count(ulong classes, int first, long[] counts)
    {
        for (; classes != 0; classes &= classes - 1)
        {
            counts[first + BitOperations.TrailingZeroCount(classes)]++;
        }
    }
}
