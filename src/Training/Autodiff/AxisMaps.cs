using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Where elements go along one axis, for cutting with steps and for padding by reflection or repetition.</summary>
internal static class AxisMaps
{
    /// <summary>Zeros of extent <paramref name="length"/> along an axis, with slice i of x added at <c>positions[i]</c>.</summary>
    public static Value ScatterAlong(GraphBuilder op, Value x, int axis, long[] positions, long length)
    {
        var inverse = Enumerable.Repeat(-1L, checked((int)length)).ToArray();
        for (var i = 0; i < positions.Length; i++)
        {
            if (inverse[positions[i]] >= 0)
            {
                return MatrixProducts.Along(op, x, axis, Selection(positions, length));
            }

            inverse[positions[i]] = i;
        }

        // Each place is filled at most once: append one slice of zeros and gather, which copies and never multiplies.
        var pads = new long[2 * x.Rank];
        pads[axis + x.Rank] = 1;
        return op.Gather(op.Pad(x, pads), op.Int64s([.. inverse.Select(i => i < 0 ? positions.Length : i)]), axis);
    }

    /// <summary>The matrix [padded, original] of the adjoint of a padding along one axis: row = padded position, one 1 at its source.</summary>
    public static double[,] Padding(string mode, long before, long after, long length, VjpContext c)
    {
        var positions = new long[checked((int)(before + length + after))];
        for (var i = 0L; i < positions.Length; i++)
        {
            var source = i - before;
            positions[i] = mode switch
            {
                "edge" => Math.Clamp(source, 0, length - 1),
                "wrap" => ((source % length) + length) % length,
                "reflect" => Reflect(source, length),
                _ => throw c.Unsupported($"its mode {mode} is unknown; constant, edge, reflect and wrap are"),
            };
        }

        return Selection(positions, length);
    }

    private static double[,] Selection(long[] positions, long length)
    {
        var matrix = new double[positions.Length, length];
        for (var i = 0; i < positions.Length; i++)
        {
            matrix[i, positions[i]] = 1;
        }

        return matrix;
    }

    private static long Reflect(long position, long length)
    {
        if (length == 1)
        {
            return 0;
        }

        var period = 2 * (length - 1);
        var folded = ((position % period) + period) % period;
        return folded < length ? folded : period - folded;
    }
}
