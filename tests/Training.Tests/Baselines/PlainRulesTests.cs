using EoOnnx.Formats;
using EoOnnx.Training.Baselines;
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
}
