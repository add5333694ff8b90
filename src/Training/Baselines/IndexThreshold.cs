using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Baselines;

/// <summary>
/// The rule that a trained model must beat: a pixel belongs to the class when a normalised difference of two bands lies under a threshold,
/// for example NBR = (NIR − SWIR 2) / (NIR + SWIR 2) for burns.
/// </summary>
/// <param name="First">Channel of the first band, counted from 0.</param>
/// <param name="Second">Channel of the second band, counted from 0.</param>
/// <param name="Threshold">Index under which a pixel belongs to class 1; other pixels belong to class 0.</param>
public sealed record IndexThreshold(int First, int Second, double Threshold)
{
    private const int Steps = 400;
    private const int Side = 512;

    /// <summary>Chooses the threshold with the best intersection over union of class 1: the strongest rule of this kind on these chips.</summary>
    /// <param name="source">Chips whose labels are 0, 1 or missing; other labels are ignored.</param>
    /// <param name="first">Channel of the first band, counted from 0.</param>
    /// <param name="second">Channel of the second band, counted from 0.</param>
    /// <param name="cancellation">Stops between windows.</param>
    /// <exception cref="TrainingDataException">There is no pixel of class 1, or a channel does not exist.</exception>
    public static IndexThreshold Fit(ChipSource source, int first, int second, CancellationToken cancellation = default)
    {
        var counts = new long[2, Steps + 1];   // by class and by step of the index from −1 to 1
        Visit(source, first, second, (index, label) => counts[label, Step(index)]++, cancellation);
        var total = Enumerable.Range(0, Steps + 1).Sum(step => counts[1, step]);
        if (total == 0)
        {
            throw new TrainingDataException("No pixel of the chips belongs to class 1, so no threshold can be chosen. Check the labels with 'eoonnx stats'.");
        }

        var (bestIoU, bestStep) = (-1.0, 0);
        var (hits, alarms) = (0L, 0L);
        for (var step = 0; step <= Steps; step++)
        {
            var iou = (double)hits / (total + alarms);   // everything under this step belongs to class 1
            (bestIoU, bestStep) = iou > bestIoU ? (iou, step) : (bestIoU, bestStep);
            hits += counts[1, step];
            alarms += counts[0, step];
        }

        return new IndexThreshold(first, second, (2.0 * bestStep / Steps) - 1);
    }

    /// <summary>The metrics of the rule on some chips.</summary>
    /// <exception cref="TrainingDataException">A channel does not exist.</exception>
    public SegmentationMetrics Evaluate(ChipSource source, CancellationToken cancellation = default)
    {
        var confusion = new ConfusionMatrix(2);
        var (predicted, target) = (new List<int>(Side * Side), new List<int>(Side * Side));
        Visit(source, First, Second, (index, label) =>
        {
            predicted.Add(index < Threshold ? 1 : 0);
            target.Add(label);
            if (predicted.Count == Side * Side)
            {
                Flush();
            }
        }, cancellation);
        Flush();
        return confusion.Metrics();

        void Flush()
        {
            confusion.Add(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(predicted), System.Runtime.InteropServices.CollectionsMarshal.AsSpan(target));
            predicted.Clear();
            target.Clear();
        }
    }

    private static int Step(double index) => (int)((Math.Clamp(index, -1, 1) + 1) * (Steps / 2.0));

    private static void Visit(ChipSource source, int first, int second, Action<double, int> pixel, CancellationToken cancellation)
    {
        if (Math.Min(first, second) < 0 || Math.Max(first, second) >= source.Bands)
        {
            throw new TrainingDataException($"The index of channels {first} and {second} needs {Math.Max(first, second) + 1} bands; the chips have {source.Bands}.");
        }

        var (image, labels) = (new float[Side * Side * source.Bands], new float[Side * Side]);
        foreach (var tile in SampleIndex.Tiles(source, Enumerable.Range(0, source.Chips.Count), Side))
        {
            cancellation.ThrowIfCancellationRequested();
            var area = (int)tile.Counted.Area;
            source.Read(tile.Chip, tile.Counted, image.AsSpan(0, area * source.Bands), labels.AsSpan(0, area));
            for (var i = 0; i < area; i++)
            {
                var (a, b) = ((double)image[(first * area) + i], (double)image[(second * area) + i]);
                if (labels[i] is 0 or 1 && a + b != 0 && double.IsFinite(a + b))
                {
                    pixel((a - b) / (a + b), (int)labels[i]);
                }
            }
        }
    }
}
