namespace EoOnnx.Export.Architectures;

/// <summary>The interpolating cubic spline whose third derivative is continuous at the second and the last but one knot too ("not a knot"),
/// as FITPACK and SciPy make it.</summary>
internal static class CubicSpline
{
    /// <summary>Fewest knots.</summary>
    public const int FewestKnots = 4;

    /// <summary>How values at the knots weigh in the spline at each position: [positions][knots]. Positions beyond the ends take the value at the end.</summary>
    /// <param name="knots">Ascending; at least <see cref="FewestKnots"/>.</param>
    /// <param name="positions">Where the spline is wanted.</param>
    public static double[][] Weights(double[] knots, IReadOnlyList<double> positions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(knots.Length, FewestKnots);
        var curvature = Curvature(knots);
        return [.. positions.Select(position =>
        {
            var x = Math.Clamp(position, knots[0], knots[^1]);
            var right = Math.Clamp(Array.FindIndex(knots, knot => knot >= x), 1, knots.Length - 1);
            var (left, width) = (right - 1, knots[right] - knots[right - 1]);
            var (a, b) = ((knots[right] - x) / width, (x - knots[right - 1]) / width);
            var (bendLeft, bendRight) = (((a * a * a) - a) * width * width / 6, ((b * b * b) - b) * width * width / 6);
            return Enumerable.Range(0, knots.Length).Select(knot =>
                (knot == left ? a : 0) + (knot == right ? b : 0) + (bendLeft * curvature[left][knot]) + (bendRight * curvature[right][knot])).ToArray();
        })];
    }

    // Second derivatives at the knots for a value of 1 at each knot in turn: [knot][value], by Gaussian elimination with pivots.
    private static double[][] Curvature(double[] knots)
    {
        var (count, last) = (knots.Length, knots.Length - 1);
        double Step(int i) => knots[i + 1] - knots[i];
        var rows = Enumerable.Range(0, count).Select(_ => new double[2 * count]).ToArray();
        (rows[0][0], rows[0][1], rows[0][2]) = (Step(1), -(Step(0) + Step(1)), Step(0));
        (rows[last][last - 2], rows[last][last - 1], rows[last][last]) = (Step(last - 1), -(Step(last - 2) + Step(last - 1)), Step(last - 2));
        for (var i = 1; i < last; i++)
        {
            (rows[i][i - 1], rows[i][i], rows[i][i + 1]) = (Step(i - 1), 2 * (Step(i - 1) + Step(i)), Step(i));
            (rows[i][count + i - 1], rows[i][count + i], rows[i][count + i + 1]) = (6 / Step(i - 1), -6 * ((1 / Step(i - 1)) + (1 / Step(i))), 6 / Step(i));
        }

        for (var column = 0; column < count; column++)
        {
            var pivot = Enumerable.Range(column, count - column).MaxBy(row => Math.Abs(rows[row][column]));
            (rows[column], rows[pivot]) = (rows[pivot], rows[column]);
            foreach (var row in Enumerable.Range(0, count).Where(row => row != column))
            {
                var factor = rows[row][column] / rows[column][column];
                for (var i = column; factor != 0 && i < 2 * count; i++)
                {
                    rows[row][i] -= factor * rows[column][i];
                }
            }
        }

        return [.. rows.Select((row, i) => row[count..].Select(value => value / row[i]).ToArray())];
    }
}
