using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>Every task through the real program on invented chips: train, evaluate, and a map where pixels are predicted.</summary>
public sealed class TaskTests(TaskTests.Chips chips) : IClassFixture<TaskTests.Chips>
{
    private const int Count = 8, Side = 32, Bands = 3;

    private readonly string _folder = chips.Folder;

    [Fact]
    public async Task A_value_for_each_pixel_is_learned_in_its_unit_and_mapped()
    {
        await TrainAsync("regression", "--task", "regression", "--data", "pixels", "--standardize-target", "--unit", "t/ha", "--ignored", "-9999", "--epochs", "30");
        var figures = await FiguresAsync("regression", "pixels", "--ignored", "-9999");
        Assert.True(figures["R2_Score"] > 0.5, $"R2 is {figures["R2_Score"]}");
        var manifest = ModelManifest.Parse(OnnxModel.Load(Path.Combine(_folder, "regression", "model.onnx")).Metadata[ModelManifest.MetadataKey]);
        Assert.Equal((ModelTask.Regression, "t/ha", 0), (manifest.Task, manifest.Unit, manifest.Classes.Count));
        (await Eoonnx.RunAsync(_folder, "infer", "pixels/images/chip-0.tif", "--model", "regression/model.onnx", "--adapter", "regression/adapter.safetensors", "--out", "map.tif")).Succeeded();
        using var map = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
        using var reader = map.OpenReader();
        var values = new float[Side * Side];
        reader.Read(new PixelWindow(0, 0, Side, Side), [1], values);
        Assert.InRange(values.Average(), 60, 140);   // targets are near 100; a standardised prediction would be near 0
    }

    [Theory]
    [InlineData("ce"), InlineData("focal"), InlineData("jaccard"), InlineData("dice")]
    public async Task The_folder_of_a_chip_is_its_class(string loss)
    {
        await TrainAsync($"folders-{loss}", "--task", "classification", "--data", "folders", "--classes", "dark,bright", "--loss", loss, "--epochs", "8");
        Assert.Equal(1, (await FiguresAsync($"folders-{loss}", "folders"))["Accuracy"]);
    }

    [Fact]
    public async Task A_table_gives_the_class_of_each_chip()
    {
        await TrainAsync("table", "--task", "classification", "--data", "scenes", "--label-table", "labels.csv", "--label-columns", "class", "--classes", "dark,bright", "--class-weights", "balanced", "--epochs", "8");
        Assert.Equal(1, (await FiguresAsync("table", "scenes", "--label-table", "labels.csv", "--label-columns", "class"))["Accuracy_Micro"]);
        var refused = await Eoonnx.RunAsync(_folder, "infer", "scenes/images/chip-0.tif", "--model", "table/model.onnx", "--out", "no.tif");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("answers for whole images, so a scene has no map", refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bce"), InlineData("balanced-bce")]
    public async Task Several_labels_of_a_chip_are_columns_of_a_table(string loss)
    {
        await TrainAsync($"labels-{loss}", "--task", "multilabel", "--data", "scenes", "--label-table", "labels.csv", "--classes", "is_bright,is_dark", "--loss", loss, "--epochs", "8");
        Assert.Equal(1, (await FiguresAsync($"labels-{loss}", "scenes", "--label-table", "labels.csv"))["Multilabel_Accuracy"]);
    }

    [Theory]
    [InlineData("mse"), InlineData("rmse"), InlineData("mae"), InlineData("huber")]
    public async Task Values_of_a_chip_are_learned_together(string loss)
    {
        await TrainAsync($"values-{loss}", "--task", "scalar-regression", "--data", "scenes", "--label-table", "labels.csv", "--label-columns", "height,weight", "--loss", loss, "--standardize-target", "--epochs", "12");
        Assert.True((await FiguresAsync($"values-{loss}", "scenes", "--label-table", "labels.csv", "--label-columns", "height,weight"))["R2_Score"] > 0.8);
    }

    [Fact]
    public async Task Bands_of_several_files_are_one_chip()
    {
        await TrainAsync("pair", "--task", "classification", "--data", "pair", "--images", "first/*.tif", "--more-images", "second/*.tif", "--label-table", "labels.csv", "--label-columns", "class", "--classes", "dark,bright", "--bands", "1,4,5", "--epochs", "8");
        var report = await FiguresAsync("pair", "pair", "--images", "first/*.tif", "--more-images", "second/*.tif", "--label-table", "labels.csv", "--label-columns", "class", "--bands", "1,4,5");
        Assert.Equal(1, report["Accuracy"]);
    }

    [Theory]
    [InlineData("The loss mse does not belong to the task segmentation; choose ce,", "--data", "pixels", "--classes", "a,b", "--loss", "mse")]
    [InlineData("classes were given, but the task predicts measured values", "--data", "pixels", "--task", "regression", "--classes", "a,b")]
    [InlineData("Only values can be standardised", "--data", "pixels", "--classes", "a,b", "--standardize-target")]
    [InlineData("The chip 'chip-7' has no label", "--data", "scenes", "--task", "classification", "--classes", "dark,bright", "--label-table", "short.csv")]
    [InlineData("has no column 'colour'; it has chip, class", "--data", "scenes", "--task", "classification", "--classes", "dark,bright", "--label-table", "labels.csv", "--label-columns", "colour")]
    [InlineData("says 'tall' for height of 'chip-0'; expected a number", "--data", "scenes", "--task", "scalar-regression", "--label-table", "wrong.csv")]
    [InlineData("come from a table: give --label-table", "--data", "folders", "--task", "multilabel", "--classes", "a,b")]
    public async Task A_task_that_its_labels_or_loss_do_not_fit_is_refused(string expected, params string[] arguments)
    {
        var run = await Eoonnx.RunAsync(_folder, ["train-adapter", "--model", "encoder.onnx", .. arguments, "--out", "refused"]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "refused")));
    }

    private async Task TrainAsync(string name, params string[] arguments) => (await Eoonnx.RunAsync(_folder,
        ["train-adapter", "--model", "encoder.onnx", "--method", "linear-probe", "--decoder", "linear", "--lr", "0.05", "--batch", "2", "--threads", "1", .. arguments, "--out", name])).Succeeded();

    private async Task<Dictionary<string, double>> FiguresAsync(string name, string data, params string[] more)
    {
        var run = (await Eoonnx.RunAsync(_folder, ["evaluate", $"{name}/model.onnx", "--adapter", $"{name}/adapter.safetensors", "--data", data, .. more, "--json"])).Succeeded();
        using var report = JsonDocument.Parse(run.Output);
        return report.RootElement.GetProperty("metrics").EnumerateObject().ToDictionary(metric => metric.Name, metric => metric.Value.GetDouble());
    }

    /// <summary>Chips that are dark or bright, with labels of every kind.</summary>
    public sealed class Chips : IDisposable
    {
        public Chips()
        {
            TestEncoder.Build(bands: Bands, tile: Side).Save(Path.Combine(Folder, "encoder.onnx"));
            var rows = new List<string>();
            for (var chip = 0; chip < Count; chip++)
            {
                var (bright, name) = (chip % 2 == 1, $"chip-{chip}");
                var image = RandomTensors.Normal(chip, "image", [Bands, Side, Side], 0.3).ToSingles().Select((noise, i) => noise + (bright ? 1 : -1) + (i % Side < Side / 2 ? 0.3f : -0.3f)).ToArray();
                Write($"scenes/images/{name}.tif", image);
                Write($"folders/{(bright ? "bright" : "dark")}/{name}.tif", image);
                Write($"pair/first/{name}.tif", image);
                Write($"pair/second/{name}.tif", image);
                Write($"pixels/images/{name}.tif", image);
                Write($"pixels/labels/{name}.tif", [.. Enumerable.Range(0, Side * Side).Select(i => i % 50 == 0 ? -9999f : 100 + (20 * (bright ? 1 : -1)) + (i % Side < Side / 2 ? 6f : -6f))]);
                rows.Add(string.Create(CultureInfo.InvariantCulture, $"{name},{(bright ? "bright" : "dark")},{(bright ? 1 : 0)},{(bright ? 0 : 1)},{(bright ? 30 : 10)},{(bright ? -2.5 : 4)}"));
            }

            File.WriteAllLines(Path.Combine(Folder, "labels.csv"), ["chip,class,is_bright,is_dark,height,weight", .. rows]);
            File.WriteAllLines(Path.Combine(Folder, "short.csv"), ["chip,class", .. rows.Take(Count - 1).Select(row => string.Join(',', row.Split(',').Take(2)))]);
            File.WriteAllLines(Path.Combine(Folder, "wrong.csv"), ["chip,height", "chip-0,tall"]);
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("eoonnx-tasks-").FullName;

        public void Dispose() => Directory.Delete(Folder, recursive: true);

        private void Write(string path, float[] values)
        {
            var full = Path.Combine(Folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            GeoTiffWriter.Write<float>(full, new RasterProfile { Size = new PixelSize(Side, Side), Type = RasterType.Float32, BandCount = values.Length / (Side * Side) }, values);
        }
    }
}
