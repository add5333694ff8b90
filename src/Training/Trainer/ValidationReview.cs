using System.Runtime.InteropServices;
using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Trainer;

/// <summary>A last look at the held-out samples with the parameters that are saved: logits of classes for the temperature, predicted beside true numbers,
/// right and wrong labels, and the best and worst samples.</summary>
internal sealed class ValidationReview
{
    private const int Kept = 3;
    private const long MostNumbers = 1 << 21;

    private readonly SampleSet _samples;
    private readonly SampleTarget _target;
    private readonly long _stride;
    private readonly List<float> _logits = [];
    private readonly List<int> _truths = [];
    private readonly List<Candidate> _best = [];
    private readonly List<Candidate> _worst = [];
    private long _seen;

    /// <param name="samples">The held-out samples; every n-th label is used where all numbers would not fit into memory.</param>
    /// <param name="task">What is predicted.</param>
    public ValidationReview(SampleSet samples, ModelTask task)
    {
        (_samples, _target, Task) = (samples, samples.Target, task);
        _stride = ((samples.Count * (long)_target.Length * Math.Max(1, _target.Classes)) + MostNumbers - 1) / MostNumbers;
        Labels = task == ModelTask.Multilabel ? [.. Enumerable.Range(0, _target.Length).Select(_ => new LabelCounts())] : [];
    }

    /// <summary>What is predicted.</summary>
    public ModelTask Task { get; }

    /// <summary>Samples in order of their score, the best first; empty before <see cref="Finish"/>.</summary>
    public IReadOnlyList<ReviewedSample> Best { get; private set; } = [];

    /// <summary>Samples in order of their score, the worst first; empty before <see cref="Finish"/>.</summary>
    public IReadOnlyList<ReviewedSample> Worst { get; private set; } = [];

    /// <summary>Right and wrong answers of each label of a task with several; else empty.</summary>
    public IReadOnlyList<LabelCounts> Labels { get; }

    /// <summary>Predicted values, or probabilities of labels, beside true ones; empty for classes.</summary>
    public PredictionAgreement Agreement { get; } = new();

    /// <summary>Looks at a batch of classes.</summary>
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
                Keep(batch, sample, right / (double)labelled, Numbers(truths.Slice(sample * length, length)), Numbers(predicted.Slice(sample * length, length)));
            }
        }
    }

    /// <summary>Looks at a batch of values, or of logits of several labels.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="prediction">In the order of the targets.</param>
    public void Add(Batch batch, ReadOnlySpan<float> prediction)
    {
        var length = _target.Length;
        for (var sample = 0; sample < batch.Count; sample++)
        {
            var truth = batch.Values.Span.Slice(sample * length, length).ToArray();
            var predicted = prediction.Slice(sample * length, length).ToArray();
            if (Task == ModelTask.Multilabel)
            {
                predicted = Array.ConvertAll(predicted, logit => 1 / (1 + MathF.Exp(-logit)));
            }

            var (sum, labelled) = (0.0, 0);
            for (var i = 0; i < length; i++)
            {
                if (!float.IsFinite(truth[i]))
                {
                    continue;
                }

                labelled++;
                sum += Task == ModelTask.Multilabel ? Labels[i].Add(truth[i] > 0.5f, predicted[i] > 0.5f) ? 1 : 0 : Math.Pow(predicted[i] - (double)truth[i], 2);
                if (_seen++ % _stride == 0)
                {
                    Agreement.Add(predicted[i], truth[i]);
                }
            }

            if (labelled > 0)
            {
                Keep(batch, sample, Task == ModelTask.Multilabel ? sum / labelled : Math.Sqrt(sum / labelled), truth, predicted);
            }
        }
    }

    /// <summary>Reads the inputs of the best and the worst samples, each once: the batches that were looked at may have held features instead.</summary>
    public void Finish()
    {
        var read = new Dictionary<int, float[]>();
        (Best, Worst) = ([.. _best.Select(Complete)], [.. _worst.Select(Complete)]);

        ReviewedSample Complete(Candidate candidate)
        {
            if (!read.TryGetValue(candidate.Sample, out var image))
            {
                using var picture = new Batch(1, _samples, _ => { }) { Chips = [candidate.Chip] };
                _samples.Read(candidate.Sample, null, picture, 0);
                read.Add(candidate.Sample, image = picture.Images.ToArray());
            }

            return new ReviewedSample(candidate.Name, candidate.Score, image, [.. _samples.Inputs[0].Shape.Select(extent => (int)extent)], candidate.Truth, candidate.Predicted);
        }
    }

    /// <summary>The temperature that the held-out labels ask for; null without classes.</summary>
    public TemperatureScaling? Calibrate() => _truths.Count == 0 ? null : TemperatureScaling.Fit(CollectionsMarshal.AsSpan(_logits), CollectionsMarshal.AsSpan(_truths));

    private static float[] Numbers(ReadOnlySpan<int> classes) => Array.ConvertAll(classes.ToArray(), id => (float)id);

    // The larger the better.
    private double Rank(double score) => _target.HasClasses || Task == ModelTask.Multilabel ? score : -score;

    private void Keep(Batch batch, int sample, double score, float[] truth, float[] predicted)
    {
        var rank = Rank(score);
        var (isBest, isWorst) = (_best.Count < Kept || rank > Rank(_best[^1].Score), _worst.Count < Kept || rank < Rank(_worst[^1].Score));
        if (!isBest && !isWorst)
        {
            return;
        }

        var kept = new Candidate(batch.Samples[sample], batch.Chips[sample], batch.Names[sample], score, truth, predicted);
        if (isBest)
        {
            Insert(_best, kept, item => -Rank(item.Score));
        }

        if (isWorst)
        {
            Insert(_worst, kept, item => Rank(item.Score));
        }

        // Behind its equals: the order of the samples decides between them.
        static void Insert(List<Candidate> list, Candidate item, Func<Candidate, double> rank)
        {
            var at = list.FindIndex(other => rank(other) > rank(item));
            list.Insert(at < 0 ? list.Count : at, item);
            if (list.Count > Kept)
            {
                list.RemoveAt(Kept);
            }
        }
    }

    /// <summary>A sample that may be among the best or the worst, without its inputs.</summary>
    private sealed record Candidate(int Sample, int Chip, string Name, double Score, float[] Truth, float[] Predicted);
}
