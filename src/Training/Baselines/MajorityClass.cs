using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Baselines;

/// <summary>The rule that calls every pixel by the most frequent class of the training chips: what a model reaches without looking.</summary>
internal static class MajorityClass
{
    /// <summary>Its figures on the held-out chips; the loss is NaN, as the rule gives no probabilities.</summary>
    public static ValidationReport Evaluate(TrainingData data, IReadOnlyList<long> counts, ModelManifest manifest, CancellationToken cancellation)
    {
        var (labels, majority) = (data.Samples.Classes!, counts.Index().MaxBy(item => item.Item).Index);
        var confusion = new ConfusionMatrix(labels.Classes, labels.IgnoreIndex);
        var reader = new SampleReader(data.ValidationSource, data.Samples);
        var (target, predicted) = (new int[reader.LabelLength], new int[reader.LabelLength]);
        Array.Fill(predicted, majority);
        foreach (var window in data.ValidationWindows)
        {
            cancellation.ThrowIfCancellationRequested();
            reader.ReadClasses(window, target);
            confusion.Add(predicted, target);
        }

        return new ValidationReport { Loss = double.NaN, Metrics = confusion.Metrics().Named([.. manifest.Classes.Select(item => item.Name)]), Confusion = confusion.ToRows() };
    }
}
