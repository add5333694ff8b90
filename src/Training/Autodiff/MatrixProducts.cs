using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Matrix products with swapped operands, and linear maps along one axis.</summary>
internal static class MatrixProducts
{
    /// <summary>alpha · a·b over the last two axes, either of them swapped; both have at least two axes.</summary>
    public static Value Multiply(GraphBuilder op, Value a, Value b, bool transposeA = false, bool transposeB = false, float alpha = 1)
    {
        if (!transposeA && !transposeB && alpha == 1)
        {
            return op.MatMul(a, b);
        }

        // The CPU kernel of FusedMatMul exists for float only.
        if (a.Type == ElementType.Float)
        {
            return op.FusedMatMul(a, b, transposeA, transposeB, alpha);
        }

        var product = op.MatMul(transposeA ? SwapLastAxes(op, a) : a, transposeB ? SwapLastAxes(op, b) : b);
        return alpha == 1 ? product : op.Mul(product, alpha);
    }

    public static Value SwapLastAxes(GraphBuilder op, Value x)
    {
        var permutation = Enumerable.Range(0, x.Rank).Select(axis => (long)axis).ToArray();
        (permutation[^1], permutation[^2]) = (permutation[^2], permutation[^1]);
        return op.Transpose(x, permutation);
    }

    /// <summary>Applies matrix [extent of the axis, new extent] along one axis of x: y[…, j, …] = Σ_i x[…, i, …]·matrix[i, j].</summary>
    public static Value Along(GraphBuilder op, Value x, int axis, double[,] matrix)
    {
        var (rows, columns) = (matrix.GetLength(0), matrix.GetLength(1));
        if (axis == x.Rank - 1)
        {
            return op.MatMul(x, Constant(op, matrix, x.Type, swap: false));
        }

        if (axis == x.Rank - 2)
        {
            return op.MatMul(Constant(op, matrix, x.Type, swap: true), x);
        }

        // [before…, rows, after…] is [before…, rows, product of after] times a matrix from the left.
        var flat = op.Reshape(x, op.Concat(0, op.Slice(DynamicShapes.Of(op, x), 0, 0, axis), op.Int64s(rows, -1)));
        var mapped = op.MatMul(Constant(op, matrix, x.Type, swap: true), flat);
        return op.Reshape(mapped, op.Concat(0, op.Slice(DynamicShapes.Of(op, x), 0, 0, axis), op.Int64s(columns), op.Slice(DynamicShapes.Of(op, x), 0, axis + 1, x.Rank)));
    }

    private static Value Constant(GraphBuilder op, double[,] matrix, ElementType type, bool swap)
    {
        var (rows, columns) = swap ? (matrix.GetLength(1), matrix.GetLength(0)) : (matrix.GetLength(0), matrix.GetLength(1));
        var values = new double[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                values[(row * columns) + column] = swap ? matrix[column, row] : matrix[row, column];
            }
        }

        return op.Constant(type == ElementType.Double
            ? TensorData.FromValues<double>([rows, columns], values)
            : TensorData.FromValues<float>([rows, columns], Array.ConvertAll(values, value => (float)value)));
    }
}
