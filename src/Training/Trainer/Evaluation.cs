using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Trainer;

/// <summary>The metrics of a task, filled batch by batch.</summary>
internal sealed class Evaluation
{
    private readonly ModelTask _task;
    private readonly SampleSet _samples;
    private readonly ConfusionMatrix? _confusion;
    private readonly BoundaryIoU? _boundary;
    private readonly MultilabelMetrics? _multilabel;
    private readonly RegressionMetrics? _regression;

    /// <param name="task">What is predicted; of the tasks with values it decides between labels and measurements.</param>
    /// <param name="samples">What is evaluated: the form of the targets, and which part of a tile counts.</param>
    public Evaluation(ModelTask task, SampleSet samples)
    {
        (_task, _samples) = (task, samples);
        var target = samples.Target;
        _boundary = task == ModelTask.Segmentation && target is { HasClasses: true, Shape.Count: 2 } ? new BoundaryIoU(target.Classes, target.IgnoreIndex) : null;
        (_confusion, _multilabel, _regression) = target.HasClasses ? (new ConfusionMatrix(target.Classes, target.IgnoreIndex), null, null)
            : task == ModelTask.Multilabel ? (null, new MultilabelMetrics(target.Length), null)
            : ((ConfusionMatrix?)null, (MultilabelMetrics?)null, new RegressionMetrics(float.NaN));
    }

    /// <summary>Pixels or samples by true and predicted class; null when the task has no classes.</summary>
    public ConfusionMatrix? Confusion => _confusion;

    /// <summary>Counted labels.</summary>
    public long Count { get; private set; }

    /// <summary>Adds predicted classes.</summary>
    public void Add(ReadOnlySpan<int> predicted, Batch batch)
    {
        _confusion!.Add(predicted, batch.Classes.Span);
        Count = _confusion.Total;
        for (var sample = 0; sample < batch.Count && _boundary is not null; sample++)
        {
            AddBoundaries(predicted, batch, sample);
        }
    }

    // What counts of a tile is an image of its own, so that the seam to the next tile is no boundary.
    private void AddBoundaries(ReadOnlySpan<int> predicted, Batch batch, int sample)
    {
        var (length, width) = (batch.LabelLength, (int)batch.Target.Shape[1]);
        var part = _samples.PartOf(batch.Samples[sample]) ?? new PixelWindow(0, 0, width, (int)batch.Target.Shape[0]);
        _boundary!.Add(Cut(predicted.Slice(sample * length, length)), Cut(batch.Classes.Span.Slice(sample * length, length)), part.Height, part.Width);

        ReadOnlySpan<int> Cut(ReadOnlySpan<int> tile)
        {
            if (part.Area == tile.Length)
            {
                return tile;
            }

            var cut = new int[part.Area];
            for (var row = 0; row < part.Height; row++)
            {
                tile.Slice(((part.Y + row) * width) + part.X, part.Width).CopyTo(cut.AsSpan(row * part.Width));
            }

            return cut;
        }
    }

    /// <summary>Adds predictions as the model gives them: logits of labels, or values.</summary>
    /// <param name="prediction">In the order of the targets.</param>
    /// <param name="batch">The targets.</param>
    /// <param name="activation">What the model's output already has.</param>
    public void Add(ReadOnlySpan<float> prediction, Batch batch, string activation = "none")
    {
        if (_regression is not null)
        {
            _regression.Add(prediction, batch.Values.Span);
            Count = _regression.Count;
            return;
        }

        var (probabilities, positive) = (new float[prediction.Length], new bool[prediction.Length]);
        for (var i = 0; i < prediction.Length; i++)
        {
            probabilities[i] = activation == "sigmoid" ? prediction[i] : 1 / (1 + MathF.Exp(-prediction[i]));
            positive[i] = batch.Values.Span[i] > 0.5f;
        }

        _multilabel!.Add(probabilities, positive);
        Count += prediction.Length;
    }

    /// <summary>All metrics by the names that TerraTorch logs.</summary>
    public IReadOnlyDictionary<string, double> Named(IReadOnlyList<string>? classes)
    {
        if (_confusion is null)
        {
            return _multilabel?.Named() ?? _regression!.Named();
        }

        var named = OfTask(_task, _confusion.Metrics().Named(classes));
        return _boundary is null ? named : named.Append(KeyValuePair.Create("Boundary_mIoU", _boundary.Mean)).ToDictionary(StringComparer.Ordinal);
    }

    /// <summary>The metrics of classes that a task has: those of whole images have no overlap.</summary>
    public static IReadOnlyDictionary<string, double> OfTask(ModelTask task, IReadOnlyDictionary<string, double> named) => task != ModelTask.Classification ? named
        : named.Where(metric => !metric.Key.Contains("IoU", StringComparison.Ordinal) && metric.Key != "Pixel_Accuracy").Append(KeyValuePair.Create("Accuracy_Micro", named["Pixel_Accuracy"]))
            .ToDictionary(StringComparer.Ordinal);
}
