namespace EoOnnx.Training.Trainer;

/// <summary>Answers about one label, by what is true and what was predicted.</summary>
internal sealed class LabelCounts
{
    /// <summary>Samples that have the label and were given it.</summary>
    public long TruePositives { get; private set; }

    /// <summary>Samples that were given the label wrongly.</summary>
    public long FalsePositives { get; private set; }

    /// <summary>Samples that have the label and were not given it.</summary>
    public long FalseNegatives { get; private set; }

    /// <summary>Samples that neither have the label nor were given it.</summary>
    public long TrueNegatives { get; private set; }

    /// <summary>2·tp / (2·tp + fp + fn); 0 when there is none of them.</summary>
    public double F1 => 2.0 * TruePositives / Math.Max(1, (2 * TruePositives) + FalsePositives + FalseNegatives);

    /// <summary>Counts an answer; returns whether it was right.</summary>
    public bool Add(bool truth, bool predicted)
    {
        (TruePositives, FalsePositives, FalseNegatives, TrueNegatives) = (
            TruePositives + (truth && predicted ? 1 : 0), FalsePositives + (!truth && predicted ? 1 : 0), FalseNegatives + (truth && !predicted ? 1 : 0), TrueNegatives + (!truth && !predicted ? 1 : 0));
        return truth == predicted;
    }
}
