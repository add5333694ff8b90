using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>A small matrix of row vectors, for the little that is computed at export. Sums are in double precision.</summary>
internal sealed class Rows
{
    private readonly float[] _values;

    public Rows(int count, int width) : this(count, width, new float[count * width])
    {
    }

    public Rows(TensorData matrix) : this((int)matrix.Shape[0], (int)matrix.Shape[1], matrix.ToSingles())
    {
    }

    private Rows(int count, int width, float[] values) => (Count, Width, _values) = (count, width, values);

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>Length of a row.</summary>
    public int Width { get; }

    /// <summary>A row; writing to it changes the matrix.</summary>
    public Span<float> this[int row] => _values.AsSpan(row * Width, Width);

    /// <summary>One below the other.</summary>
    public static Rows Stack(params Rows[] parts) => new(parts.Sum(part => part.Count), parts[0].Width, [.. parts.SelectMany(part => part._values)]);

    /// <summary>Some of the rows, copied.</summary>
    public Rows Part(int start, int count) => new(count, Width, _values[(start * Width)..((start + count) * Width)]);

    /// <summary>The sum of two matrices of equal size.</summary>
    public Rows Plus(Rows other) => new(Count, Width, [.. _values.Zip(other._values, static (a, b) => a + b)]);

    /// <summary>A function of every element.</summary>
    public Rows Map(Func<float, float> function) => new(Count, Width, Array.ConvertAll(_values, value => function(value)));

    /// <summary>x·Wᵀ + b with <c>PATH.weight</c> [out, in] and <c>PATH.bias</c>.</summary>
    public Rows Linear(StateDict weights, string path, int outputs = -1)
    {
        var weight = weights.Take($"{path}.weight", outputs, Width);
        return Linear(weight, weights.Take($"{path}.bias", weight.Shape[0]));
    }

    /// <summary>x·Wᵀ + b.</summary>
    public Rows Linear(TensorData weight, TensorData bias)
    {
        var (matrix, offset) = (weight.ToSingles(), bias.ToSingles());
        var result = new Rows(Count, offset.Length);
        Parallel.For(0, offset.Length, output =>
        {
            for (var row = 0; row < Count; row++)
            {
                result[row][output] = (float)(Dot(this[row], matrix.AsSpan(output * Width, Width)) + offset[output]);
            }
        });
        return result;
    }

    /// <summary>Layer normalisation of each row with <c>PATH.weight</c> and <c>PATH.bias</c>.</summary>
    public Rows Normalize(StateDict weights, string path, float epsilon)
    {
        var (scale, offset) = (weights.Take($"{path}.weight", Width).ToSingles(), weights.Take($"{path}.bias", Width).ToSingles());
        var result = new Rows(Count, Width);
        for (var row = 0; row < Count; row++)
        {
            var (mean, square) = (0.0, 0.0);
            foreach (var value in this[row])
            {
                mean += value / (double)Width;
            }

            foreach (var value in this[row])
            {
                square += (value - mean) * (value - mean);
            }

            var inverse = 1 / Math.Sqrt((square / Width) + epsilon);
            for (var i = 0; i < Width; i++)
            {
                result[row][i] = (float)(((this[row][i] - mean) * inverse * scale[i]) + offset[i]);
            }
        }

        return result;
    }

    /// <summary>Sum of products.</summary>
    public static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }
}
