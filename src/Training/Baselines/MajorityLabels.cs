using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Baselines;

/// <summary>The rule that gives every sample the labels that more than half of the training samples have: what labels reach without looking.</summary>
internal static class MajorityLabels
{
    /// <summary>Its figures on the held-out samples; the loss is NaN. Its probabilities are the shares of the training samples.</summary>
    public static ValidationReport Evaluate(TrainingData data, CancellationToken cancellation)
    {
        var labels = data.ValidationSamples.Target.Length;
        var (positive, target) = (new long[labels], new bool[labels]);
        for (var sample = 0; sample < data.TrainingSamples.Count; sample++)
        {
            Read(data.TrainingSamples, sample, target, cancellation);
            for (var label = 0; label < labels; label++)
            {
                positive[label] += target[label] ? 1 : 0;
            }
        }

        var shares = Array.ConvertAll(positive, count => (float)(count / (double)data.TrainingSamples.Count));
        var metrics = new MultilabelMetrics(labels);
        for (var sample = 0; sample < data.ValidationSamples.Count; sample++)
        {
            Read(data.ValidationSamples, sample, target, cancellation);
            metrics.Add(shares, target);
        }

        return new ValidationReport { Loss = double.NaN, Metrics = metrics.Named() };
    }

    private static void Read(SampleSet samples, int sample, bool[] target, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var values = new float[target.Length];
        samples.ReadTarget(sample, default, values);
        for (var label = 0; label < target.Length; label++)
        {
            target[label] = values[label] > 0.5f;
        }
    }
}
