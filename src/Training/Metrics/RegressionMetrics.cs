namespace EoOnnx.Training.Metrics;

/// <summary>Errors of a regression over all labelled values of an epoch, accumulated in double precision.</summary>
public sealed class RegressionMetrics
{
    private readonly float? _ignored;
    private double _absolute;
    private double _squared;
    private double _sum;
    private double _sumOfSquares;

    /// <summary>An empty accumulator.</summary>
    /// <param name="ignored">Values with exactly this label, or a NaN label, are left out; null keeps all, NaN included.</param>
    public RegressionMetrics(float? ignored = null) => _ignored = ignored;

    /// <summary>Values counted.</summary>
    public long Count { get; private set; }

    /// <summary>Mean squared error.</summary>
    public double MeanSquaredError => Count == 0 ? 0 : _squared / Count;

    /// <summary>Root of the mean squared error of the whole epoch, not a mean of batch values.</summary>
    public double RootMeanSquaredError => Math.Sqrt(MeanSquaredError);

    /// <summary>Mean absolute error.</summary>
    public double MeanAbsoluteError => Count == 0 ? 0 : _absolute / Count;

    /// <summary>Coefficient of determination, 1 − Σd² / Σ(t − t̄)²; 1 when the residuals vanish (within 1e-4), 0 when the labels are constant or fewer than two.</summary>
    public double RSquared
    {
        get
        {
            var total = _sumOfSquares - (Count == 0 ? 0 : _sum * _sum / Count);
            return Count < 2 ? 0 : Math.Abs(_squared) <= 1e-4 ? 1 : Math.Abs(total) <= 1e-4 ? 0 : 1 - _squared / total;
        }
    }

    /// <summary>Adds values.</summary>
    /// <param name="predicted">Predictions.</param>
    /// <param name="target">Labels in the same order and unit.</param>
    public void Add(ReadOnlySpan<float> predicted, ReadOnlySpan<float> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(predicted.Length, target.Length);
        for (var i = 0; i < target.Length; i++)
        {
            double truth = target[i];
            if (_ignored is { } ignored && (target[i] == ignored || double.IsNaN(truth)))
            {
                continue;
            }

            var difference = predicted[i] - truth;
            Count++;
            _absolute += Math.Abs(difference);
            _squared += difference * difference;
            _sum += truth;
            _sumOfSquares += truth * truth;
        }
    }

    /// <summary>All values under the names that TerraTorch logs.</summary>
    public IReadOnlyDictionary<string, double> Named() => new Dictionary<string, double>(StringComparer.Ordinal)
    {
        ["RMSE"] = RootMeanSquaredError, ["MSE"] = MeanSquaredError, ["MAE"] = MeanAbsoluteError, ["R2_Score"] = RSquared,
    };
}
