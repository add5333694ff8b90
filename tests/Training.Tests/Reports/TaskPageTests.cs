using System.Globalization;
using EoOnnx.Decoders;
using EoOnnx.Decoders.Heads;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Tests;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Reports;

/// <summary>The pages of runs of the other four tasks (segmentation: <see cref="TrainingPageTests"/>), in a real browser.</summary>
public sealed class TaskPageTests : IDisposable
{
    private const int Count = 8, Labels = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-pages-").FullName;

    private static IReadOnlyList<ManifestClass> Names => [new(0, "water"), new(1, "crops"), new(2, "bare")];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Classes_of_images_have_a_confusion_a_calibration_and_pictures_with_both_answers()
    {
        var view = await OpenAsync(ModelTask.Classification, Loss.CrossEntropy(), 3, new ArraySamples(Images, TensorData.FromValues<float>([Count], [.. Enumerable.Range(0, Count).Select(i => (float)(i % 3))]), classes: 3));
        Assert.All(["Confusion", "water", "F1", "Temperature", "% right; true", "predicted"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        Assert.Equal((4, 6), Counts(view));
    }

    [Fact]
    public async Task Several_labels_have_a_table_of_each_a_calibration_and_pictures_with_both_answers()
    {
        var targets = TensorData.FromValues<float>([Count, Labels], [.. Enumerable.Range(0, Count * Labels).Select(i => (float)(i * i % 2))]);
        var view = await OpenAsync(ModelTask.Multilabel, Loss.BinaryCrossEntropy(), Labels, new ArraySamples(Images, targets));
        Assert.All(["Confusion of each label", "wrong yes", "missed", "crops", "Multilabel_F1_Score", "Share of labels that apply", "% right; true"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        Assert.Equal((4, 6), Counts(view));
    }

    [Fact]
    public async Task Values_of_images_have_agreement_and_pictures_with_both_values()
    {
        var targets = TensorData.FromValues<float>([Count, 1], [.. Enumerable.Range(0, Count).Select(i => (float)i)]);
        var view = await OpenAsync(ModelTask.ScalarRegression, Loss.Huber(), 1, new ArraySamples(Images, targets));
        Assert.All(["RMSE", "R2_Score", "True value by predicted value", "Best samples", "Worst samples", "; true "], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        Assert.Equal((4, 6), Counts(view));
    }

    [Fact]
    public async Task Values_of_pixels_have_agreement_and_pictures_of_truth_and_prediction()
    {
        var chips = Enumerable.Range(0, Count).Select(i => new ArrayChip(
            $"sample {i}", new PixelSize(Runs.Tile, Runs.Tile), RandomTensors.Normal(i, "image", [3 * Runs.Tile * Runs.Tile], 1).ToSingles(),
            [.. Enumerable.Range(0, Runs.Tile * Runs.Tile).Select(pixel => pixel % 50 == 0 ? float.NaN : pixel / 100f)])).ToList();
        var data = new TrainingData(
            new ArrayChipSource(chips), DataSplit.LeaveOut([.. chips.Select(chip => new ChipInfo(chip.Name, chip.Size))], ["sample 0", "sample 1", "sample 2"]),
            new SampleOptions { Tile = Runs.Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), 3)], Values = new ValueLabels { Ignored = -1 } }, new BatchLoaderOptions { BatchSize = 2 });
        var task = TaskModel.Compose(TestEncoder.Build(), null, new LinearDecoder { Upsampling = 1, Classes = 1 }, new TaskDescription { Task = ModelTask.Regression });
        var view = await OpenAsync(task, Loss.MeanSquaredError(), data);
        Assert.All(["RMSE", "True value by predicted value", "image, truth and prediction"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        Assert.Equal((4, 6), Counts(view));
    }

    [Fact]
    public async Task Samples_that_are_no_images_are_listed_with_both_values()
    {
        var inputs = new Dictionary<string, TensorData> { ["series"] = RandomTensors.Normal(1, "series", [Count, 4], 1) };
        var samples = new ArraySamples(inputs, TensorData.FromValues<float>([Count, 1], [.. Enumerable.Range(0, Count).Select(i => (float)i)]));
        var task = TaskModel.Compose(SeriesEncoder(), null, new IdentityDecoder { Head = new ScalarHead { Classes = 1 } }, new TaskDescription { Task = ModelTask.ScalarRegression });
        var view = await OpenAsync(task, Loss.Huber(), Split(samples));
        Assert.All(["Best samples", "Worst samples", "sample 2", "RMSE"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        Assert.Equal((4, 0), Counts(view));
    }

    private static Dictionary<string, TensorData> Images => new() { ["image"] = RandomTensors.Normal(1, "images", [Count, 3, Runs.Tile, Runs.Tile], 1) };

    private static TrainingData Split(ArraySamples samples) =>
        new(samples.Subset([.. Enumerable.Range(3, Count - 3)]), samples.Subset([0, 1, 2]), "by number", new BatchLoaderOptions { BatchSize = 2 });

    private Task<BrowserView> OpenAsync(ModelTask kind, Loss loss, int outputs, ArraySamples samples) => OpenAsync(
        TaskModel.Compose(TestEncoder.Build(), null, new IdentityDecoder { Head = new ScalarHead { Classes = outputs } }, new TaskDescription { Task = kind, Classes = outputs > 1 ? Names : [] }), loss, Split(samples));

    private async Task<BrowserView> OpenAsync(TaskModel task, Loss loss, TrainingData data)
    {
        await new AdapterTrainer(task, loss, new AdamW(0.01)).FitAsync(data, new FitOptions { Epochs = 3, Folder = _folder }, cancellation: TestContext.Current.CancellationToken);
        var view = await Chromium.OpenAsync(Path.Combine(_folder, "report.html"), "() => [document.querySelectorAll('svg').length, [...document.images].filter(i => i.naturalWidth > 50).length]");
        Assert.Empty(view.Errors);
        Assert.DoesNotContain(view.Requests, request => request.StartsWith("http", StringComparison.Ordinal));
        Assert.True(view.ColorCount > 20, $"{view.ColorCount} colours");
        Assert.All(["Loss", "Learning rate", "Calibration", "time", "MiB", "Wh", "sample 1"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
        return view;
    }

    /// <summary>Charts and pictures on the page.</summary>
    private static (int Charts, int Pictures) Counts(BrowserView view)
    {
        var numbers = view.Answer.Trim('[', ']').Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToList();
        return (numbers[0], numbers[1]);
    }

    /// <summary>An encoder of vectors of four numbers.</summary>
    private static OnnxModel SeriesEncoder()
    {
        var op = new GraphBuilder("series");
        var x = op.Input("series", ElementType.Float, ["batch", 4]);
        op.Output(op.Tanh(op.MatMul(x, op.Initializer("mix.weight", RandomTensors.Normal(2, "mix", [4, 6], 1)))), "encoding");
        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "series", Family = "test", Task = ModelTask.Features, Features = [new ManifestFeature("encoding", "vector", 6, 0, 0, 0)] }.ToJson();
        return model;
    }
}
