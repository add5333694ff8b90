namespace EoOnnx.Training.Metrics;

/// <summary>Metrics of several yes/no labels per sample. Keeps all scores of the epoch (8 bytes per label), because rankings need them.</summary>
/// <remarks>A label counts as predicted when its probability is over 0.5. Means over labels are plain means, zeros included. AUROC and average precision
/// are means over the labels that have both (AUROC) or positive (average precision) samples. Source: torchmetrics 1.9.</remarks>
public sealed class MultilabelMetrics
{
    private readonly List<(float Score, bool Positive)>[] _labels;

    /// <summary>An empty accumulator for <paramref name="labels"/> labels.</summary>
    public MultilabelMetrics(int labels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(labels, 1);
        _labels = [.. Enumerable.Range(0, labels).Select(_ => new List<(float, bool)>())];
    }

    /// <summary>Mean over labels of (tp + tn) / samples; equal to the micro value because every label has every sample.</summary>
    public double Accuracy => MeanOverLabels((tp, fp, fn, tn) => Ratio(tp + tn, tp + fp + fn + tn));

    /// <summary>Mean over labels of 2·tp / (2·tp + fp + fn).</summary>
    public double F1 => MeanOverLabels((tp, fp, fn, _) => Ratio(2 * tp, 2 * tp + fp + fn));

    /// <summary>Mean over labels of tp / (tp + fp).</summary>
    public double Precision => MeanOverLabels((tp, fp, _, _) => Ratio(tp, tp + fp));

    /// <summary>Mean over labels of tp / (tp + fn).</summary>
    public double Recall => MeanOverLabels((tp, _, fn, _) => Ratio(tp, tp + fn));

    /// <summary>Mean area under the receiver operating characteristic, by trapezoids.</summary>
    public double AreaUnderRoc => _labels.Select(AreaUnderRocOf).Where(value => !double.IsNaN(value)).DefaultIfEmpty(0).Average();

    /// <summary>Mean of Σ (R_k − R_{k−1})·P_k over falling thresholds.</summary>
    public double AveragePrecision => _labels.Select(AveragePrecisionOf).Where(value => !double.IsNaN(value)).DefaultIfEmpty(0).Average();

    /// <summary>Adds samples.</summary>
    /// <param name="probabilities">[sample, label], 0 to 1, row-major.</param>
    /// <param name="target">[sample, label], true where the label applies.</param>
    public void Add(ReadOnlySpan<float> probabilities, ReadOnlySpan<bool> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(probabilities.Length, target.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length % _labels.Length, 0);
        for (var i = 0; i < target.Length; i++)
        {
            _labels[i % _labels.Length].Add((probabilities[i], target[i]));
        }
    }

    /// <summary>All values under the names that TerraTorch logs.</summary>
    public IReadOnlyDictionary<string, double> Named() => new Dictionary<string, double>(StringComparer.Ordinal)
    {
        ["Multilabel_Accuracy"] = Accuracy, ["Multilabel_Accuracy_Micro"] = Accuracy, ["Multilabel_F1_Score"] = F1, ["Multilabel_Precision"] = Precision,
        ["Multilabel_Recall"] = Recall, ["Multilabel_AUROC"] = AreaUnderRoc, ["Multilabel_AveragePrecision"] = AveragePrecision,
    };

    private double MeanOverLabels(Func<long, long, long, long, double> metric) => _labels.Average(samples =>
    {
        long Count(bool predicted, bool positive) => samples.LongCount(sample => sample.Score > 0.5f == predicted && sample.Positive == positive);
        return metric(Count(true, true), Count(true, false), Count(false, true), Count(false, false));
    });

    private static double AreaUnderRocOf(List<(float Score, bool Positive)> samples)
    {
        var (area, previousTrue, previousFalse) = (0.0, 0L, 0L);
        foreach (var (truePositives, falsePositives) in Thresholds(samples))
        {
            area += (falsePositives - previousFalse) * 0.5 * (truePositives + previousTrue);
            (previousTrue, previousFalse) = (truePositives, falsePositives);
        }

        return previousTrue == 0 || previousFalse == 0 ? double.NaN : area / ((double)previousTrue * previousFalse);
    }

    private static double AveragePrecisionOf(List<(float Score, bool Positive)> samples)
    {
        var (sum, previousTrue) = (0.0, 0L);
        foreach (var (truePositives, falsePositives) in Thresholds(samples))
        {
            sum += (truePositives - previousTrue) * ((double)truePositives / (truePositives + falsePositives));
            previousTrue = truePositives;
        }

        return previousTrue == 0 ? double.NaN : sum / previousTrue;
    }

    /// <summary>Cumulative (true, false) positives at each distinct score, from the highest down.</summary>
    private static IEnumerable<(long TruePositives, long FalsePositives)> Thresholds(List<(float Score, bool Positive)> samples)
    {
        var (truePositives, falsePositives) = (0L, 0L);
        foreach (var group in samples.GroupBy(sample => sample.Score).OrderByDescending(group => group.Key))
        {
            truePositives += group.LongCount(sample => sample.Positive);
            falsePositives += group.LongCount(sample => !sample.Positive);
            yield return (truePositives, falsePositives);
        }
    }

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
