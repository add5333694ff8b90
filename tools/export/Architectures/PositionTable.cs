using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>Tables of positions that are added to patch tokens: fitted to another grid, or computed.</summary>
internal static class PositionTable
{
    /// <summary>Fits a table [1, prefix + rows·columns, width] of a square grid to another grid; prefix tokens stay as they are.</summary>
    /// <param name="table">The table, single precision.</param>
    /// <param name="prefix">Tokens in front of those of the patches.</param>
    /// <param name="rows">Rows of the new grid.</param>
    /// <param name="columns">Columns of the new grid.</param>
    /// <param name="resampling">Between which neighbours to interpolate.</param>
    /// <param name="form">How the two grids lie over each other.</param>
    /// <exception cref="FileFormatException">The table is not that of a square grid.</exception>
    public static TensorData Resize(TensorData table, int prefix, int rows, int columns, PositionResampling resampling, InterpolationForm form = InterpolationForm.Plain)
    {
        var edge = GridOf(table, prefix);
        if (edge == rows && edge == columns)
        {
            return table;
        }

        var width = (int)table.Shape[2];
        var source = table.AsSpan<float>();
        var result = new float[(prefix + (rows * columns)) * width];
        source[..(prefix * width)].CopyTo(result);
        var (vertical, horizontal) = (InterpolationTaps.Of(edge, rows, resampling, form), InterpolationTaps.Of(edge, columns, resampling, form));
        var sum = new double[width];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                Array.Clear(sum);
                foreach (var (sourceRow, rowWeight) in vertical[row])
                {
                    foreach (var (sourceColumn, columnWeight) in horizontal[column])
                    {
                        var token = source.Slice((prefix + (sourceRow * edge) + sourceColumn) * width, width);
                        for (var i = 0; i < width; i++)
                        {
                            sum[i] += rowWeight * columnWeight * token[i];
                        }
                    }
                }

                var target = result.AsSpan((prefix + (row * columns) + column) * width, width);
                for (var i = 0; i < width; i++)
                {
                    target[i] = (float)sum[i];
                }
            }
        }

        return TensorData.FromValues<float>([1, prefix + (rows * columns), width], result);
    }

    /// <summary>Edge of the square grid that a table [1, prefix + N, width] belongs to.</summary>
    /// <exception cref="FileFormatException">N is not a square.</exception>
    public static int GridOf(TensorData table, int prefix)
    {
        var patches = table.Shape.Length == 3 && table.Shape[0] == 1 ? table.Shape[1] - prefix : -1;
        var edge = (int)Math.Round(Math.Sqrt(Math.Max(0, patches)));
        return patches > 0 && (long)edge * edge == patches ? edge : throw new FileFormatException(
            $"A position table of shape [{string.Join(", ", table.Shape)}] does not belong to a square grid with {prefix} tokens in front.");
    }

    /// <summary>Sine-cosine encoding in single precision, operation by operation as the reference does it in PyTorch: all sines, then all
    /// cosines, of position · 10000^(−k / (width/2)).</summary>
    public static void SineCosine(float position, Span<float> destination)
    {
        var half = destination.Length / 2;
        for (var k = 0; k < half; k++)
        {
            var angle = position * Frequency(k, half);
            destination[k] = MathF.Sin(angle);
            destination[half + k] = MathF.Cos(angle);
        }
    }

    /// <summary>ScaleMAE's table [1, 1 + rows·columns, width]: half of a token encodes its column, half its row, both in units of the ground
    /// resolution; the class token's part is zero. In single precision, as the reference.</summary>
    public static TensorData Metres(int rows, int columns, int width, float metresPerPixel)
    {
        var values = new float[(1 + (rows * columns)) * width];
        for (var patch = 0; patch < rows * columns; patch++)
        {
            var token = values.AsSpan((1 + patch) * width, width);
            SineCosine(patch % columns * metresPerPixel, token[..(width / 2)]);
            SineCosine(patch / columns * metresPerPixel, token[(width / 2)..]);
        }

        return TensorData.FromValues<float>([1, 1 + (rows * columns), width], values);
    }

    /// <summary>10000^(−k / half) in single precision.</summary>
    public static float Frequency(int k, int half) => 1f / MathF.Pow(10_000f, k / (float)half);
}
