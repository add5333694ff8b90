using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>BEiT's way to fit a table of relative positions to another grid, with B-splines on FITPACK's knots: the third point from either end is the
/// first and the last knot within. The product solves for second derivatives instead.</summary>
internal static class PlainSpline
{
    /// <summary>The table [offsets of rows · offsets of columns + 3][heads] of the new grid.</summary>
    public static double[][] Resize(TensorData table, int grid, int rows, int columns)
    {
        var (heads, source) = ((int)table.Shape[1], (2 * grid) - 1);
        var lines = table.ToSingles().Chunk(heads).Select(line => line.Select(value => (double)value).ToArray()).ToArray();
        var (vertical, horizontal) = (Axis(grid, rows), Axis(grid, columns));
        return
        [
            .. vertical.SelectMany(down => horizontal.Select(right => Enumerable.Range(0, heads).Select(head =>
                Enumerable.Range(0, source * source).Sum(i => down[i / source] * right[i % source] * lines[i][head])).ToArray())),
            .. lines[^3..],
        ];
    }

    private static double[][] Axis(int grid, int target)
    {
        if (grid == target)
        {
            return [.. Enumerable.Range(0, (2 * grid) - 1).Select(i => Enumerable.Range(0, (2 * grid) - 1).Select(j => i == j ? 1.0 : 0).ToArray())];
        }

        var (left, right, ratio) = (1.01, 1.5, 0.0);
        while (right - left > 1e-6)
        {
            ratio = (left + right) / 2;
            var reached = Enumerable.Range(0, grid - 1).Sum(i => Math.Pow(ratio, i));
            (left, right) = reached > target - 1 ? (left, ratio) : (ratio, right);
        }

        var half = Enumerable.Range(1, grid - 1).Select(count => Enumerable.Range(0, count).Sum(i => Math.Pow(ratio, i))).ToArray();
        double[] points = [.. half.Reverse().Select(value => -value), 0, .. half];
        double[] knots = [.. Enumerable.Repeat(points[0], 4), .. points[2..^2], .. Enumerable.Repeat(points[^1], 4)];
        var inverse = Inverse([.. points.Select(point => Basis(knots, point))]);
        return [.. Enumerable.Range(1 - target, (2 * target) - 1).Select(offset => Basis(knots, Math.Clamp(offset, points[0], points[^1])))
            .Select(basis => Enumerable.Range(0, points.Length).Select(value => basis.Select((weight, coefficient) => weight * inverse[coefficient][value]).Sum()).ToArray())];
    }

    // Cox and de Boor, degree 3; the last interval is closed.
    private static double[] Basis(double[] knots, double x)
    {
        var basis = Enumerable.Range(0, knots.Length - 1).Select(i => (knots[i] <= x && x < knots[i + 1]) || (x == knots[^1] && knots[i] < x && knots[i + 1] == x) ? 1.0 : 0).ToArray();
        for (var degree = 1; degree <= 3; degree++)
        {
            basis = [.. Enumerable.Range(0, basis.Length - 1).Select(i => Ratio(x - knots[i], knots[i + degree] - knots[i], basis[i]) + Ratio(knots[i + degree + 1] - x, knots[i + degree + 1] - knots[i + 1], basis[i + 1]))];
        }

        return basis;

        static double Ratio(double part, double whole, double value) => whole == 0 ? 0 : part / whole * value;
    }

    private static double[][] Inverse(double[][] matrix)
    {
        var size = matrix.Length;
        var rows = matrix.Select((row, i) => row.Concat(Enumerable.Range(0, size).Select(j => i == j ? 1.0 : 0)).ToArray()).ToArray();
        for (var column = 0; column < size; column++)
        {
            var pivot = Enumerable.Range(column, size - column).MaxBy(row => Math.Abs(rows[row][column]));
            (rows[column], rows[pivot]) = (rows[pivot], rows[column]);
            rows[column] = [.. rows[column].Select(value => value / rows[column][column])];
            rows = [.. rows.Select((row, i) => i == column || row[column] == 0 ? row : row.Zip(rows[column], (value, other) => value - (row[column] * other)).ToArray())];
        }

        return [.. rows.Select(row => row[size..])];
    }
}
