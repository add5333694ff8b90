using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Baselines;

/// <summary>The rule that predicts the mean of the training targets everywhere: what a regression reaches without looking.</summary>
internal static class TrainingMean
{
    /// <summary>Its figures on the held-out samples; the loss is the mean squared error.</summary>
    public static ValidationReport Evaluate(TrainingData data, TargetScaling statistics, CancellationToken cancellation)
    {
        var (samples, metrics) = (data.ValidationSamples, new RegressionMetrics(float.NaN));
        var target = new float[samples.Target.Length];
        float[] predicted = [.. target.Select((_, i) => (float)statistics.Mean[i % statistics.Mean.Count])];
        for (var sample = 0; sample < samples.Count; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            samples.ReadTarget(sample, default, target);
            metrics.Add(predicted, target);
        }

        return new ValidationReport { Loss = metrics.MeanSquaredError, Metrics = metrics.Named() };
    }
}
