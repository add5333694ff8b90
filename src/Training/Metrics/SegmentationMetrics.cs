namespace EoOnnx.Training.Metrics;

/// <summary>
/// Metrics of a classification of pixels (or scenes), from the true positives, false positives and false negatives of each class.
/// Every quotient with a zero denominator is 0.
/// </summary>
/// <remarks>"Macro" means over classes c with tp + fp + fn &gt; 0: a class that is neither in the labels nor predicted is left out; one that is only
/// predicted counts as 0. Mean and micro IoU also leave out the ignored class when it is one of the C classes. Source: torchmetrics 1.9.</remarks>
public sealed class SegmentationMetrics
{
    internal SegmentationMetrics(long[] truePositives, long[] falsePositives, long[] falseNegatives, int? ignoreIndex)
    {
        var classes = Enumerable.Range(0, truePositives.Length).ToArray();
        long Union(int c) => truePositives[c] + falsePositives[c] + falseNegatives[c];
        double[] PerClass(Func<int, long> part, Func<int, long> whole) => [.. classes.Select(c => Ratio(part(c), whole(c)))];
        double Macro(double[] values) => Mean(classes.Where(c => Union(c) > 0).Select(c => values[c]));

        Support = [.. classes.Select(c => truePositives[c] + falseNegatives[c])];
        IoU = PerClass(c => truePositives[c], Union);
        ClassAccuracy = PerClass(c => truePositives[c], c => truePositives[c] + falseNegatives[c]);
        ClassPrecision = PerClass(c => truePositives[c], c => truePositives[c] + falsePositives[c]);
        ClassF1 = PerClass(c => 2 * truePositives[c], c => 2 * truePositives[c] + falsePositives[c] + falseNegatives[c]);
        MeanIoU = Mean(classes.Where(c => Union(c) > 0 && c != ignoreIndex).Select(c => IoU[c]));
        MicroIoU = Ratio(truePositives.Sum(), classes.Where(c => c != ignoreIndex).Sum(Union));
        PixelAccuracy = Ratio(truePositives.Sum(), Support.Sum());
        Recall = Macro(ClassAccuracy);
        Precision = Macro(ClassPrecision);
        F1 = Macro(ClassF1);
    }

    /// <summary>Labelled pixels of each class.</summary>
    public IReadOnlyList<long> Support { get; }

    /// <summary>tp / (tp + fp + fn) of each class.</summary>
    public IReadOnlyList<double> IoU { get; }

    /// <summary>tp / (tp + fn) of each class: its recall.</summary>
    public double[] ClassAccuracy { get; }

    /// <summary>tp / (tp + fp) of each class.</summary>
    public double[] ClassPrecision { get; }

    /// <summary>2·tp / (2·tp + fp + fn) of each class.</summary>
    public double[] ClassF1 { get; }

    /// <summary>Macro mean of <see cref="IoU"/>: the "mIoU" of papers.</summary>
    public double MeanIoU { get; }

    /// <summary>Σ tp / Σ (tp + fp + fn).</summary>
    public double MicroIoU { get; }

    /// <summary>Share of labelled pixels that are right.</summary>
    public double PixelAccuracy { get; }

    /// <summary>Macro mean of <see cref="ClassAccuracy"/>; called "Accuracy" by the reference.</summary>
    public double Recall { get; }

    /// <summary>Macro mean of <see cref="ClassPrecision"/>.</summary>
    public double Precision { get; }

    /// <summary>Macro mean of <see cref="ClassF1"/>.</summary>
    public double F1 { get; }

    /// <summary>All values under the names that TerraTorch logs (<c>mIoU</c>, <c>IoU_water</c>, …), in a fixed order.</summary>
    /// <param name="classNames">Names by class; missing ones are called by their number.</param>
    public IReadOnlyDictionary<string, double> Named(IReadOnlyList<string>? classNames = null)
    {
        string Name(int c) => classNames is not null && c < classNames.Count ? classNames[c] : c.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var named = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            ["mIoU"] = MeanIoU, ["mIoU_Micro"] = MicroIoU, ["Pixel_Accuracy"] = PixelAccuracy, ["Accuracy"] = Recall,
            ["F1_Score"] = F1, ["Precision"] = Precision, ["Recall"] = Recall,
        };
        for (var c = 0; c < IoU.Count; c++)
        {
            (named[$"IoU_{Name(c)}"], named[$"Class_Accuracy_{Name(c)}"], named[$"Class_F1_{Name(c)}"]) = (IoU[c], ClassAccuracy[c], ClassF1[c]);
        }

        return named;
    }

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : (double)part / whole;

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(0).Average();
}
