namespace EoOnnx.Training.Metrics;

/// <summary>Predictions whose confidence lies in one interval.</summary>
/// <param name="From">Lower end of the interval.</param>
/// <param name="To">Upper end; belongs to it.</param>
/// <param name="Count">How many predictions.</param>
/// <param name="Confidence">Their mean confidence; 0 when there are none.</param>
/// <param name="Accuracy">Share of them that is right; 0 when there are none.</param>
public sealed record ReliabilityBin(double From, double To, long Count, double Confidence, double Accuracy);

/// <summary>How well confidences say how often a prediction is right.</summary>
/// <param name="ExpectedError">Expected calibration error: mean of |accuracy − confidence| over the bins, weighted by their counts (Guo et al. 2017).</param>
/// <param name="LogLoss">Mean of −log p of the true class.</param>
/// <param name="Bins">Bins of equal width.</param>
public sealed record Reliability(double ExpectedError, double LogLoss, IReadOnlyList<ReliabilityBin> Bins)
{
    /// <summary>Number of bins.</summary>
    public const int BinCount = 15;
}

/// <summary>Collects confidences, prediction by prediction.</summary>
internal sealed class ReliabilityCounter
{
    private readonly long[] _counts = new long[Reliability.BinCount];
    private readonly long[] _right = new long[Reliability.BinCount];
    private readonly double[] _confidence = new double[Reliability.BinCount];
    private double _logLoss;

    /// <summary>Adds the prediction for one label.</summary>
    /// <param name="logits">One a class.</param>
    /// <param name="truth">The true class.</param>
    /// <param name="temperature">What logits are divided by.</param>
    public void Add(ReadOnlySpan<float> logits, int truth, double temperature)
    {
        var best = 0;
        for (var c = 1; c < logits.Length; c++)
        {
            best = logits[c] > logits[best] ? c : best;
        }

        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += Math.Exp((logit - logits[best]) / temperature);
        }

        var confidence = 1 / sum;
        var bin = Math.Clamp((int)Math.Ceiling(confidence * Reliability.BinCount) - 1, 0, Reliability.BinCount - 1);
        _counts[bin]++;
        _confidence[bin] += confidence;
        _right[bin] += best == truth ? 1 : 0;
        _logLoss += Math.Log(sum) + ((logits[best] - logits[truth]) / temperature);
    }

    /// <summary>What was collected.</summary>
    public Reliability Result()
    {
        var total = Math.Max(1, _counts.Sum());
        var bins = Enumerable.Range(0, Reliability.BinCount).Select(i => new ReliabilityBin(
            i / (double)Reliability.BinCount, (i + 1) / (double)Reliability.BinCount, _counts[i], _confidence[i] / Math.Max(1, _counts[i]), _right[i] / (double)Math.Max(1, _counts[i]))).ToList();
        return new Reliability(bins.Sum(bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / total, _logLoss / total, bins);
    }
}
