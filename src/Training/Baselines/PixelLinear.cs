using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Baselines;

/// <summary>
/// Multinomial logistic regression on the bands of single pixels: what a model reaches without looking at a pixel's neighbours.
/// Deterministic; fitted by Adam with an L2 penalty of 1e-4 on the weights.
/// </summary>
internal sealed class PixelLinear
{
    private const int MostPixels = 40_000;
    private const int Batch = 256;
    private const int Epochs = 20;
    private const double Rate = 0.02;
    private const double Penalty = 1e-4;

    private readonly int _bands;
    private readonly int _classes;
    private readonly double[] _weights;   // [class, band + 1]; the last column is the bias

    private PixelLinear(int bands, int classes) => (_bands, _classes, _weights) = (bands, classes, new double[classes * (bands + 1)]);

    /// <summary>Fits the rule to at most 40,000 labelled pixels, evenly spaced over the training chips.</summary>
    /// <param name="data">The chips, standardised as the model sees them.</param>
    /// <param name="labelled">Number of labelled training pixels.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public static async Task<PixelLinear> FitAsync(TrainingData data, long labelled, CancellationToken cancellation)
    {
        var labels = data.TrainingSamples.Target;
        var rule = new PixelLinear((int)data.TrainingSamples.Inputs[0].Shape[0], labels.Classes);
        var (pixels, targets) = (new List<float>(), new List<int>());
        var (every, seen) = (Math.Max(1, labelled / MostPixels), 0L);
        await foreach (var batch in new BatchLoader(data.TrainingSamples, data.Loading, training: false).ReadAsync(0, 0, cancellation).ConfigureAwait(false))
        {
            using (batch)
            {
                var (images, classes) = (batch.Images, batch.Classes);
                for (var i = 0; i < classes.Length; i++)
                {
                    if (classes.Span[i] != labels.IgnoreIndex && seen++ % every == 0)
                    {
                        rule.Append(images.Span, i, batch.LabelLength, pixels);
                        targets.Add(classes.Span[i]);
                    }
                }
            }
        }

        rule.Fit([.. pixels], [.. targets], cancellation);
        return rule;
    }

    /// <summary>Its figures on the held-out chips; the loss is the mean of −log p over labelled pixels.</summary>
    public async Task<ValidationReport> EvaluateAsync(TrainingData data, ModelManifest manifest, CancellationToken cancellation)
    {
        var labels = data.ValidationSamples.Target;
        var confusion = new ConfusionMatrix(_classes, labels.IgnoreIndex);
        var loss = 0.0;
        await foreach (var batch in data.Validation.ReadAsync(0, 0, cancellation).ConfigureAwait(false))
        {
            using (batch)
            {
                loss += Count(batch, labels.IgnoreIndex, confusion);
            }
        }

        return new ValidationReport
        {
            Loss = loss / Math.Max(1, confusion.Total), Metrics = confusion.Metrics().Named([.. manifest.Classes.Select(item => item.Name)]), Confusion = confusion.ToRows(),
        };
    }

    private double Count(Batch batch, int ignored, ConfusionMatrix confusion)
    {
        ReadOnlySpan<float> images = batch.Images.Span;
        ReadOnlySpan<int> classes = batch.Classes.Span;
        var (predicted, pixel, scores) = (new int[classes.Length], new List<float>(_bands), new double[_classes]);
        var loss = 0.0;
        for (var i = 0; i < classes.Length; i++)
        {
            if (classes[i] == ignored)
            {
                continue;
            }

            pixel.Clear();
            Append(images, i, batch.LabelLength, pixel);
            Probabilities(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(pixel), scores);
            predicted[i] = Array.IndexOf(scores, scores.Max());
            loss -= Math.Log(Math.Max(1e-300, scores[classes[i]]));
        }

        confusion.Add(predicted, classes);
        return loss;
    }

    private void Append(ReadOnlySpan<float> images, int pixel, int area, List<float> destination)
    {
        var start = (pixel / area * _bands * area) + (pixel % area);
        for (var band = 0; band < _bands; band++)
        {
            destination.Add(images[start + (band * area)]);
        }
    }

    private void Fit(float[] pixels, int[] targets, CancellationToken cancellation)
    {
        var (mean, square, gradient, p) = (new double[_weights.Length], new double[_weights.Length], new double[_weights.Length], new double[_classes]);
        var step = 0;
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            cancellation.ThrowIfCancellationRequested();
            var order = Enumerable.Range(0, targets.Length).ToArray();
            Array.Sort(Array.ConvertAll(order, sample => new KeyedRandom(0, epoch, sample).NextBits()), order);
            foreach (var part in order.Chunk(Batch))
            {
                Array.Clear(gradient);
                foreach (var sample in part)
                {
                    Accumulate(pixels.AsSpan(sample * _bands, _bands), targets[sample], 1.0 / part.Length, p, gradient);
                }

                step++;
                var rate = Rate * (1 - ((double)epoch / Epochs)) / (1 - Math.Pow(0.9, step));
                for (var i = 0; i < _weights.Length; i++)
                {
                    var g = gradient[i] + (i % (_bands + 1) < _bands ? Penalty * _weights[i] : 0);
                    mean[i] = (0.9 * mean[i]) + (0.1 * g);
                    square[i] = (0.999 * square[i]) + (0.001 * g * g);
                    _weights[i] -= rate * mean[i] / (Math.Sqrt(square[i] / (1 - Math.Pow(0.999, step))) + 1e-8);
                }
            }
        }
    }

    private void Accumulate(ReadOnlySpan<float> pixel, int target, double weight, double[] p, double[] gradient)
    {
        Probabilities(pixel, p);
        for (var c = 0; c < _classes; c++)
        {
            var error = weight * (p[c] - (c == target ? 1 : 0));
            var row = gradient.AsSpan(c * (_bands + 1), _bands + 1);
            for (var band = 0; band < _bands; band++)
            {
                row[band] += error * pixel[band];
            }

            row[_bands] += error;
        }
    }

    private void Probabilities(ReadOnlySpan<float> pixel, double[] p)
    {
        for (var c = 0; c < _classes; c++)
        {
            var row = _weights.AsSpan(c * (_bands + 1), _bands + 1);
            p[c] = row[_bands];
            for (var band = 0; band < _bands; band++)
            {
                p[c] += row[band] * pixel[band];
            }
        }

        var (largest, sum) = (p.Max(), 0.0);
        for (var c = 0; c < _classes; c++)
        {
            sum += p[c] = Math.Exp(p[c] - largest);
        }

        for (var c = 0; c < _classes; c++)
        {
            p[c] /= sum;
        }
    }
}
