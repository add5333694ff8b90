using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Baselines;

/// <summary>The rule that calls every pixel by the most frequent class of the training chips: what a model reaches without looking.</summary>
internal static class MajorityClass
{
    /// <summary>Its figures on the held-out chips; the loss is NaN, as the rule gives no probabilities. One pass over their labels.</summary>
    /// <param name="data">The chips.</param>
    /// <param name="counts">Labels of each class among the training chips.</param>
    /// <param name="manifest">Names of the classes.</param>
    /// <param name="cancellation">Stops between samples.</param>
    public static ValidationReport Evaluate(TrainingData data, IReadOnlyList<long> counts, ModelManifest manifest, CancellationToken cancellation)
    {
        var (samples, majority) = (data.ValidationSamples, counts.Index().MaxBy(item => item.Item).Index);
        var confusion = new ConfusionMatrix(samples.Target.Classes, samples.Target.IgnoreIndex);
        var (target, predicted) = (new int[samples.Target.Length], new int[samples.Target.Length]);
        Array.Fill(predicted, majority);
        for (var sample = 0; sample < samples.Count; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            samples.ReadTarget(sample, target, default);
            confusion.Add(predicted, target);
        }

        var metrics = confusion.Metrics().Named([.. manifest.Classes.Select(item => item.Name)]);
        return new ValidationReport { Loss = double.NaN, Metrics = Evaluation.OfTask(manifest.Task, metrics), Confusion = confusion.ToRows() };
    }
}
