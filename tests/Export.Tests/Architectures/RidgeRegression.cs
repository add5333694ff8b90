namespace EoOnnx.Export.Tests.Architectures;

/// <summary>Linear least squares with a penalty on the weights, on standardised features.</summary>
internal sealed class RidgeRegression
{
    private readonly double[] _mean;
    private readonly double[] _deviation;
    private readonly double[] _weights;
    private readonly double _intercept;

    public RidgeRegression(IReadOnlyList<double[]> features, IReadOnlyList<double> targets, double penalty)
    {
        var (count, width) = (features.Count, features[0].Length);
        _mean = [.. Enumerable.Range(0, width).Select(i => features.Average(row => row[i]))];
        _deviation = [.. Enumerable.Range(0, width).Select(i => Math.Max(1e-9, Math.Sqrt(features.Average(row => Math.Pow(row[i] - _mean[i], 2)))))];
        _intercept = targets.Average();
        var rows = features.Select(Standardize).ToArray();
        var (gram, right) = (new double[width, width], new double[width]);
        for (var row = 0; row < count; row++)
        {
            for (var i = 0; i < width; i++)
            {
                right[i] += rows[row][i] * (targets[row] - _intercept);
                for (var j = 0; j <= i; j++)
                {
                    gram[i, j] += rows[row][i] * rows[row][j];
                }
            }
        }

        for (var i = 0; i < width; i++)
        {
            gram[i, i] += penalty;
        }

        _weights = Solve(gram, right);
    }

    public double Predict(double[] features) => _intercept + Standardize(features).Zip(_weights, (value, weight) => value * weight).Sum();

    private double[] Standardize(double[] row) => [.. row.Select((value, i) => (value - _mean[i]) / _deviation[i])];

    // Cholesky: the lower triangle becomes L with L·Lᵀ = matrix.
    private static double[] Solve(double[,] matrix, double[] right)
    {
        var size = right.Length;
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = matrix[i, j];
                for (var k = 0; k < j; k++)
                {
                    sum -= matrix[i, k] * matrix[j, k];
                }

                matrix[i, j] = i == j ? Math.Sqrt(sum) : sum / matrix[j, j];
            }
        }

        for (var i = 0; i < size; i++)
        {
            for (var k = 0; k < i; k++)
            {
                right[i] -= matrix[i, k] * right[k];
            }

            right[i] /= matrix[i, i];
        }

        for (var i = size - 1; i >= 0; i--)
        {
            for (var k = i + 1; k < size; k++)
            {
                right[i] -= matrix[k, i] * right[k];
            }

            right[i] /= matrix[i, i];
        }

        return right;
    }
}
