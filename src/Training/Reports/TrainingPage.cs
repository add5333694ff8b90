using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Reports;

/// <summary>A training run as one page for people: <c>report.html</c>.</summary>
internal static class TrainingPage
{
    /// <summary>Makes the page.</summary>
    /// <param name="report">What the run did.</param>
    /// <param name="manifest">The task, for names and colours of classes.</param>
    /// <param name="review">Best and worst held-out samples and how predictions agree with the truth; null when there was no last look.</param>
    /// <param name="map">Where the chips of each part lie; null when it is not known.</param>
    public static ReportPage Of(TrainingReport report, ModelManifest? manifest, ValidationReview? review, SplitMap? map = null)
    {
        var names = manifest?.Classes.Select(item => item.Name).ToList() ?? [];
        var page = new ReportPage($"Training of {report.Base ?? "a model"}", string.Create(
            CultureInfo.InvariantCulture, $"{report.TrainableParameters:N0} numbers trained in {report.Steps:N0} steps; {report.TrainingChips.Count} chips trained on, {report.ValidationChips.Count} held out"));
        page.Warnings(report.Interrupted ? ["The run was interrupted; go on with --resume."] : []);
        Summary(page, report);
        Curves(page, report);
        if (report.Kept is { } best)
        {
            Figures(page, best, names);
        }

        if (review is { Labels.Count: > 0 })
        {
            Labels(page, review, names);
        }

        if (report.Calibration is { } calibration)
        {
            Calibration(page, calibration);
        }

        if (review is { Agreement.Count: > 0 })
        {
            Agreement(page, review);
        }

        if (map is not null)
        {
            page.Section("Split").Image(map.ToSvg(), "image/svg+xml", $"{report.Split}: blue chips are trained on, orange ones held out");
        }

        if (review is not null)
        {
            Samples(page.Section("Best samples"), review, review.Best, manifest);
            Samples(page.Section("Worst samples"), review, review.Worst, manifest);
        }

        return page;
    }

    private static void Summary(ReportPage page, TrainingReport report)
    {
        var facts = new List<(string, string)> { ("best epoch", $"{report.BestEpoch} of {report.Epochs.Count}"), ("saved epoch", $"{report.KeptEpoch}"), ("split", report.Split) };
        if (report.Kept is { } best)
        {
            facts.Add((best.ScoreName, Number(best.Score)));
            facts.Add(("validation loss", Number(best.Loss)));
        }

        foreach (var (name, baseline) in report.Baselines ?? new Dictionary<string, ValidationReport>())
        {
            facts.Add(($"{baseline.ScoreName} of {name}", Number(baseline.Score)));
        }

        facts.Add(("time", string.Create(CultureInfo.InvariantCulture, $"{report.Timing.Total:F1} s, of it {report.Timing.Steps:F1} s steps and {report.Timing.Validation:F1} s validation; {report.Timing.ImagesPerSecond:F1} images/s; waited for chips {100 * report.Timing.WaitingShare:F1} % of the training")));
        if (report.Features is { Mode: not FeatureCaching.Off } kept)
        {
            facts.Add(("features", string.Create(CultureInfo.InvariantCulture, $"{kept.FrozenShare:P0} of the forward pass computed once for {kept.Records} samples ({kept.Seconds:F1} s), {kept.Bytes / 1048576.0:F0} MiB {(kept.Mode == FeatureCaching.Disk ? "on disk" : "in memory")}, {(kept.Precision == FeaturePrecision.Float32 ? "unrounded" : "rounded to bfloat16")}")));
        }

        if (report.Resources is { } used)
        {
            facts.Add(("memory", string.Create(CultureInfo.InvariantCulture, $"{used.PeakMemoryBytes / 1048576.0:F0} MiB at most")));
            facts.Add(("energy", string.Create(CultureInfo.InvariantCulture, $"{used.EnergyJoules / 3600:F2} Wh, {(used.EnergyIsMeasured ? "measured by the processor's counter (RAPL), for the whole machine" : $"an estimate: {used.ProcessorSeconds:F1} s of processor time at {ResourceUse.WattsPerCore:F0} W a core")}")));
        }

        page.Section("Result").Facts(facts);
    }

    private static void Curves(ReportPage page, TrainingReport report)
    {
        if (report.Epochs.Count == 0)
        {
            return;
        }

        ReportLine Line(string name, Func<EpochReport, double> value) => new(name, [.. report.Epochs.Select(epoch => ((double)epoch.Epoch, value(epoch)))]);
        var score = report.Epochs[0].Validation.ScoreName;
        page.Section("Course")
            .Chart(new LineChart("Loss", "epoch", "loss", [Line("training", epoch => epoch.TrainingLoss), Line("validation", epoch => epoch.Validation.Loss)]))
            .Chart(new LineChart($"Validation {score}", "epoch", score, [Line(score, epoch => epoch.Validation.Score)]))
            .Chart(new LineChart("Learning rate", "epoch", "rate", [Line("rate", epoch => epoch.LearningRate)]));
    }

    private static void Figures(ReportPage page, ValidationReport best, List<string> names)
    {
        page.Section("Best epoch on held-out chips");
        if (best.Confusion is not { } confusion || confusion.Length != names.Count)
        {
            page.Facts(best.Metrics.Select(metric => (metric.Key, Number(metric.Value))));
            return;
        }

        var classes = new ReportTable([new ReportColumn("class"), .. new[] { "IoU", "recall", "F1", "labels" }.Select(heading => new ReportColumn(heading, true))]);
        foreach (var (index, name) in names.Index())
        {
            classes.Add(name, Cell(best, $"IoU_{name}"), Cell(best, $"Class_Accuracy_{name}"), Cell(best, $"Class_F1_{name}"), confusion[index].Sum().ToString("N0", CultureInfo.InvariantCulture));
        }

        var matrix = new ReportTable([new ReportColumn("true \\ predicted"), .. names.Select(name => new ReportColumn(name, true))]);
        foreach (var (index, name) in names.Index())
        {
            matrix.Add([name, .. confusion[index].Select(count => new ReportCell(count.ToString("N0", CultureInfo.InvariantCulture)))]);
        }

        page.Table(classes).Text("Confusion: rows are true classes, columns predicted ones.").Table(matrix);
    }

    private static ReportCell Cell(ValidationReport report, string metric) => report.Metrics.TryGetValue(metric, out var value) ? Number(value) : "";

    private static void Calibration(ReportPage page, TemperatureScaling fit)
    {
        ReportLine Line(string name, Reliability reliability) => new(name, [.. reliability.Bins.Where(bin => bin.Count > 0).Select(bin => (bin.Confidence, bin.Accuracy))]);
        page.Section("Calibration")
            .Text(string.Create(CultureInfo.InvariantCulture, $"Temperature {fit.Temperature:F3}, fitted on {fit.Labels:N0} held-out labels: the expected calibration error goes from {fit.Before.ExpectedError:F4} to {fit.After.ExpectedError:F4}, the log loss from {fit.Before.LogLoss:F4} to {fit.After.LogLoss:F4}. Probabilities of maps are scaled by it; their classes stay the same."))
            .Chart(new LineChart("Accuracy of predictions by their confidence", "confidence", "accuracy", [new ReportLine("ideal", [(0, 0), (1, 1)], "#999999"), Line("before", fit.Before), Line("after", fit.After)]));
    }

    private static void Labels(ReportPage page, ValidationReview review, List<string> names)
    {
        var table = new ReportTable([new ReportColumn("label"), .. new[] { "right yes", "wrong yes", "missed", "right no", "F1" }.Select(heading => new ReportColumn(heading, true))]);
        foreach (var (index, label) in review.Labels.Index())
        {
            table.Add([names.ElementAtOrDefault(index) ?? Whole(index), .. new[] { label.TruePositives, label.FalsePositives, label.FalseNegatives, label.TrueNegatives }.Select(count => new ReportCell(Whole(count))), Number(label.F1)]);
        }

        page.Text("Confusion of each label, a probability over 0.5 being a yes.").Table(table);
    }

    private static void Agreement(ReportPage page, ValidationReview review)
    {
        var means = review.Agreement.Means();
        var (low, high) = review.Task == ModelTask.Multilabel ? (0, 1) : (means.Min(mean => Math.Min(mean.Predicted, mean.True)), means.Max(mean => Math.Max(mean.Predicted, mean.True)));
        var (title, x, y) = review.Task == ModelTask.Multilabel ? ("Share of labels that apply by their predicted probability", "probability", "share") : ("True value by predicted value", "predicted", "true");
        page.Section("Calibration").Text(string.Create(CultureInfo.InvariantCulture, $"Means of groups of like predictions, of {review.Agreement.Count:N0} held-out numbers; on the grey line they agree."))
            .Chart(new LineChart(title, x, y, [new ReportLine("ideal", [(low, low), (high, high)], "#999999"), new ReportLine("held out", means)]));
    }

    private static void Samples(ReportPage page, ValidationReview review, IReadOnlyList<ReviewedSample> samples, ModelManifest? manifest)
    {
        var plain = new ReportTable([new ReportColumn("sample"), new ReportColumn("result"), new ReportColumn("true"), new ReportColumn("predicted")]);
        foreach (var sample in samples)
        {
            var score = review.Task.IsMeasured() ? string.Create(CultureInfo.InvariantCulture, $"RMSE {sample.Score:F4}") : string.Create(CultureInfo.InvariantCulture, $"{sample.Score * 100:F1} % right");
            var (truth, predicted) = sample.IsMap ? ("", "") : (Answer(review.Task, manifest, sample.Truth), Answer(review.Task, manifest, sample.Predicted));
            if (sample.HasPicture)
            {
                page.Image(SamplePicture.Png(sample, review.Task, manifest), "image/png", $"{sample.Name}: {score}; {(sample.IsMap ? "image, truth and prediction" : $"true {truth}, predicted {predicted}")}");
            }
            else
            {
                plain.Add(sample.Name, score, truth, predicted);
            }
        }

        if (samples.Any(sample => !sample.HasPicture))
        {
            page.Table(plain);
        }
    }

    /// <summary>A class, the labels that apply, or the values.</summary>
    private static string Answer(ModelTask task, ModelManifest? manifest, float[] numbers) => task switch
    {
        ModelTask.Multilabel => string.Join(", ", numbers.Index().Where(label => label.Item > 0.5f).Select(label => Name(manifest, label.Index)).DefaultIfEmpty("none")),
        _ when task.IsMeasured() => string.Join(", ", numbers.Select(value => Number(value))),
        _ => Name(manifest, (int)numbers[0]),
    };

    private static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Name(ModelManifest? manifest, int id) => manifest?.Classes.ElementAtOrDefault(id)?.Name ?? id.ToString(CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
}
