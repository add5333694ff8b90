using EoOnnx.Formats;

namespace EoOnnx.Training.Merging;

/// <summary>Arithmetic on stored matrices, in double precision, rounded once.</summary>
internal static class Matrices
{
    /// <summary>W + A·B for W [n, m], A [n, r], B [r, m].</summary>
    public static TensorData AddProduct(TensorData w, TensorData a, TensorData b)
    {
        var (rows, columns, rank) = ((int)w.Shape[0], (int)w.Shape[1], (int)a.Shape[1]);
        var (values, left, right) = (w.ToSingles(), a.ToSingles(), b.ToSingles());
        var row = new double[columns];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                row[j] = values[(i * columns) + j];
            }

            for (var k = 0; k < rank; k++)
            {
                double factor = left[(i * rank) + k];
                var source = right.AsSpan(k * columns, columns);
                for (var j = 0; j < columns; j++)
                {
                    row[j] += factor * source[j];
                }
            }

            for (var j = 0; j < columns; j++)
            {
                values[(i * columns) + j] = (float)row[j];
            }
        }

        return TensorData.FromValues<float>(w.Shape.AsSpan(), values);
    }

    /// <summary>W·diag(l).</summary>
    public static TensorData ScaleColumns(TensorData w, TensorData l)
    {
        var (values, factors) = (w.ToSingles(), l.ToSingles());
        for (var i = 0; i < values.Length; i++)
        {
            values[i] *= factors[i % factors.Length];
        }

        return TensorData.FromValues<float>(w.Shape.AsSpan(), values);
    }

    /// <summary>diag(l)·W.</summary>
    public static TensorData ScaleRows(TensorData w, TensorData l)
    {
        var (values, factors, columns) = (w.ToSingles(), l.ToSingles(), (int)w.Shape[1]);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] *= factors[i / columns];
        }

        return TensorData.FromValues<float>(w.Shape.AsSpan(), values);
    }

    /// <summary>Two vectors of one length, element by element.</summary>
    public static TensorData Combine(TensorData a, TensorData b, Func<float, float, float> combine) =>
        TensorData.FromValues<float>(a.Shape.AsSpan(), [.. a.ToSingles().Zip(b.ToSingles(), combine)]);
}
