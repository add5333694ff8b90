using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Tests;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Tests.Metrics;

/// <summary>Agreement with torchmetrics and TerraTorch, <c>golden/training/metrics</c>.</summary>
public class MetricsGoldenTests
{
    private const double Tolerance = 2e-6; // the reference computes in single precision

    private static readonly string Folder = Path.Combine(SharedData.Golden, "training", "metrics");

    [Theory, InlineData("values_before_", 1), InlineData("values", 0)]
    public void Segmentation_metrics_equal_the_reference_after_each_batch(string values, int batchesLeftOut)
    {
        var (run, tensors) = Load();
        var classes = run.GetProperty("classes").GetInt32();
        var ignore = run.GetProperty("ignore_index").GetInt32();
        var matrix = new ConfusionMatrix(classes, ignore);
        var boundary = new BoundaryIoU(classes, ignore);
        for (var batch = 0; batch < run.GetProperty("batches").GetInt32() - batchesLeftOut; batch++)
        {
            var shape = tensors[$"target.{batch}"].Shape;
            var (predicted, target) = (Labels(tensors[$"prediction.{batch}"]), Labels(tensors[$"target.{batch}"]));
            matrix.Add(predicted, target);
            var (height, width) = ((int)shape[1], (int)shape[2]);
            for (var image = 0; image < shape[0]; image++)
            {
                var pixels = new Range(image * height * width, (image + 1) * height * width);
                boundary.Add(predicted.AsSpan()[pixels], target.AsSpan()[pixels], height, width);
            }
        }

        var expected = run.EnumerateObject().First(item => batchesLeftOut == 0 ? item.Name == values : item.Name.StartsWith(values, StringComparison.Ordinal)).Value;
        var metrics = matrix.Metrics();
        var named = metrics.Named();
        foreach (var name in new[] { "mIoU", "mIoU_Micro", "F1_Score", "Accuracy", "Pixel_Accuracy", "Precision", "Recall" })
        {
            Assert.Equal(expected.GetProperty(name).GetDouble(), named[name], Tolerance);
        }

        for (var c = 0; c < classes; c++)
        {
            Assert.Equal(expected.GetProperty("IoU")[c].GetDouble(), named[$"IoU_{c}"], Tolerance);
            Assert.Equal(expected.GetProperty("F1")[c].GetDouble(), named[$"Class_F1_{c}"], Tolerance);
            Assert.Equal(expected.GetProperty("Class_Accuracy")[c].GetDouble(), named[$"Class_Accuracy_{c}"], Tolerance);
        }

        if (expected.TryGetProperty("Boundary_mIoU_image_by_image", out var boundaryValue))
        {
            Assert.Equal(boundaryValue.GetDouble(), boundary.Mean, Tolerance);
        }
    }

    [Fact]
    public void Regression_metrics_equal_the_reference()
    {
        var (run, tensors) = Load();
        var metrics = new RegressionMetrics();
        for (var batch = 0; tensors.TryGetValue($"reg_prediction.{batch}", out var prediction); batch++)
        {
            metrics.Add(prediction.AsSpan<float>(), tensors[$"reg_target.{batch}"].AsSpan<float>());
        }

        AssertNamed(run.GetProperty("regression"), metrics.Named());
    }

    [Fact]
    public void Multilabel_metrics_equal_the_reference()
    {
        var (run, tensors) = Load();
        var target = tensors["multilabel_target"];
        var metrics = new MultilabelMetrics((int)target.Shape[1]);
        metrics.Add(tensors["multilabel_probability"].AsSpan<float>(), target.AsSpan<int>().ToArray().Select(value => value != 0).ToArray());
        AssertNamed(run.GetProperty("multilabel"), metrics.Named());
    }

    private static void AssertNamed(JsonElement expected, IReadOnlyDictionary<string, double> actual) =>
        Assert.All(expected.EnumerateObject(), value => Assert.Equal(value.Value.GetDouble(), actual[value.Name], Tolerance));

    private static (JsonElement Run, IReadOnlyDictionary<string, TensorData> Tensors) Load()
    {
        SharedData.Require(Folder);
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "run.json")));
        return (document.RootElement.Clone(), SafetensorsFile.Open(Path.Combine(Folder, "run.safetensors")).Tensors);
    }

    private static int[] Labels(TensorData tensor) => [.. tensor.AsSpan<long>().ToArray().Select(value => (int)value)];
}
