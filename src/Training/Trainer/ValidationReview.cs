using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Trainer;

/// <summary>A held-out sample with what was predicted for it.</summary>
/// <param name="Name">Name of its chip.</param>
/// <param name="Right">Share of its labels that was predicted right.</param>
/// <param name="Image">The first input, standardised, [band, row, column].</param>
/// <param name="Shape">Extents of <paramref name="Image"/>.</param>
/// <param name="Truth">True classes, one a pixel or a single one.</param>
/// <param name="Predicted">Predicted classes.</param>
internal sealed record ReviewedSample(string Name, double Right, float[] Image, IReadOnlyList<int> Shape, int[] Truth, int[] Predicted);

/// <summary>A last look at the held-out samples of classes with the parameters that are saved: logits for the temperature, and the best and worst samples.</summary>
internal sealed class ValidationReview
{
    private const int Kept = 3;
    private const long MostLogits = 1 << 21;

    private readonly SampleSet _samples;
    private readonly SampleTarget _target;
    private readonly long _stride;
    private readonly List<float> _logits = [];
    private readonly List<int> _truths = [];
    private readonly List<ReviewedSample> _best = [];
    private readonly List<ReviewedSample> _worst = [];
    private long _seen;

    /// <param name="samples">The held-out samples; every n-th label is used where their logits would not fit into memory.</param>
    public ValidationReview(SampleSet samples)
    {
        (_samples, _target) = (samples, samples.Target);
        _stride = ((samples.Count * (long)_target.Length * _target.Classes) + MostLogits - 1) / MostLogits;
    }

    /// <summary>Samples with the largest share of right labels, the best first.</summary>
    public IReadOnlyList<ReviewedSample> Best => _best;

    /// <summary>Samples with the smallest share, the worst first.</summary>
    public IReadOnlyList<ReviewedSample> Worst => _worst;

    /// <summary>Looks at a batch.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="logits">[sample, class, label].</param>
    /// <param name="predicted">[sample, label].</param>
    public void Add(Batch batch, ReadOnlySpan<float> logits, ReadOnlySpan<int> predicted)
    {
        var length = _target.Length;
        var truths = batch.Classes.Span;
        for (var sample = 0; sample < batch.Count; sample++)
        {
            var (right, labelled) = (0, 0);
            for (var label = 0; label < length; label++)
            {
                var truth = truths[(sample * length) + label];
                if (truth == _target.IgnoreIndex)
                {
                    continue;
                }

                labelled++;
                right += truth == predicted[(sample * length) + label] ? 1 : 0;
                if (_seen++ % _stride == 0)
                {
                    _truths.Add(truth);
                    for (var c = 0; c < _target.Classes; c++)
                    {
                        _logits.Add(logits[(((sample * _target.Classes) + c) * length) + label]);
                    }
                }
            }

            if (labelled > 0)
            {
                Keep(batch, sample, right / (double)labelled, predicted);
            }
        }
    }

    /// <summary>The temperature that the held-out labels ask for.</summary>
    public TemperatureScaling? Calibrate() =>
        TemperatureScaling.Fit(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_logits), System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_truths));

    private void Keep(Batch batch, int sample, double right, ReadOnlySpan<int> predicted)
    {
        var (isBest, isWorst) = (_best.Count < Kept || right > _best[^1].Right, _worst.Count < Kept || right < _worst[^1].Right);
        if (!isBest && !isWorst)
        {
            return;
        }

        var length = _target.Length;

        // Read anew: the batch may hold features of the sample instead of its image.
        using var picture = new Batch(1, _samples, _ => { }) { Chips = [batch.Chips[sample]] };
        _samples.Read(batch.Samples[sample], null, picture, 0);
        var kept = new ReviewedSample(
            batch.Names[sample], right, picture.Images.ToArray(), [.. _samples.Inputs[0].Shape.Select(extent => (int)extent)],
            batch.Classes.Slice(sample * length, length).ToArray(), predicted.Slice(sample * length, length).ToArray());
        if (isBest)
        {
            Insert(_best, kept, item => -item.Right);
        }

        if (isWorst)
        {
            Insert(_worst, kept, item => item.Right);
        }

        // Behind its equals: the order of the samples decides between them.
        static void Insert(List<ReviewedSample> list, ReviewedSample item, Func<ReviewedSample, double> rank)
        {
            var at = list.FindIndex(other => rank(other) > rank(item));
            list.Insert(at < 0 ? list.Count : at, item);
            if (list.Count > Kept)
            {
                list.RemoveAt(Kept);
            }
        }
    }
}
