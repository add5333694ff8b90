using EoOnnx.Formats;
using EoOnnx.Training.Baselines;
using EoOnnx.Training.Data;
using EoOnnx.Training.Tests.Trainer;

namespace EoOnnx.Training.Tests.Baselines;

public class PlainRulesTests
{
    private static readonly ModelManifest Manifest = new()
    {
        Name = "squares", Family = "test", Task = ModelTask.Segmentation, Classes = [new ManifestClass(0, "dark"), new ManifestClass(1, "bright")],
    };

    [Fact]
    public async Task A_linear_rule_separates_classes_that_differ_in_brightness()
    {
        var data = Runs.Data();
        var rule = await PixelLinear.FitAsync(data, data.CountClasses().Sum(), CancellationToken.None);
        var report = await rule.EvaluateAsync(data, Manifest, CancellationToken.None);
        Assert.True(report.Metrics["mIoU"] > 0.97, $"mIoU {report.Metrics["mIoU"]}");
        Assert.True(report.Loss < 0.1, $"loss {report.Loss}");
    }

    [Fact]
    public async Task A_linear_rule_is_the_same_each_time()
    {
        var data = Runs.Data();
        var reports = new List<double>();
        for (var i = 0; i < 2; i++)
        {
            reports.Add((await (await PixelLinear.FitAsync(data, 100, CancellationToken.None)).EvaluateAsync(data, Manifest, CancellationToken.None)).Loss);
        }

        Assert.Equal(reports[0], reports[1]);
    }

    [Fact]
    public void The_majority_rule_predicts_the_most_frequent_training_class_everywhere()
    {
        var report = MajorityClass.Evaluate(Runs.Data(), [10, 11], Manifest, CancellationToken.None);
        Assert.All(report.Confusion!, row => Assert.Equal(0, row[0]));
        Assert.Equal(0, report.Metrics["IoU_dark"]);
        Assert.True(report.Metrics["IoU_bright"] > 0.2);
    }

    [Fact]
    public void The_majority_rule_of_labels_gives_what_more_than_half_of_the_training_samples_have()
    {
        ArraySamples Samples(params float[][] rows) => new(
            new Dictionary<string, TensorData> { ["x"] = RandomTensors.Constant([rows.Length, 1], 0) }, TensorData.FromValues<float>([rows.Length, 2], [.. rows.SelectMany(row => row)]));
        var data = new TrainingData(Samples([1, 0], [1, 0], [0, 1]), Samples([1, 1], [1, 0], [0, 0], [1, 0]), "by hand", new BatchLoaderOptions { BatchSize = 1 });
        var metrics = MajorityLabels.Evaluate(data, CancellationToken.None).Metrics;
        Assert.Equal((0.75 + 0.75) / 2, metrics["Multilabel_Accuracy"], 1e-12);   // the first label for all: 3 of 4; the second for none: 3 of 4
        Assert.Equal((2 * 3 / (2 * 3 + 1.0)) / 2, metrics["Multilabel_F1_Score"], 1e-12);
        Assert.Equal(0.5, metrics["Multilabel_AUROC"], 1e-12);
    }
}
