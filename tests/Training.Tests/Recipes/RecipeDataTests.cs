using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Data;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>Folders, splits, scales and statistics as a recipe names them, through the real trainer.</summary>
public sealed class RecipeDataTests : IDisposable
{
    private const int Tile = 16;

    private readonly string _root = Directory.CreateTempSubdirectory("eoonnx-recipe-").FullName;

    public RecipeDataTests() => TestEncoder.Build(bands: 2, tile: Tile, patch: 8, width: 8, depth: 1).Save(Path.Combine(_root, "encoder.onnx"));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Held_out_chips_may_lie_in_a_folder_of_their_own_under_the_same_names()
    {
        Write("train/images", "train/labels", "a", "b");
        Write("val/images", "val/labels", "a");
        var report = (await RunAsync(Data("train") with { ValidationFolder = Path.Combine(_root, "val") })).Report;
        Assert.Equal(["validation/a"], report.ValidationChips);
        Assert.Equal(["a", "b"], report.TrainingChips);
    }

    [Fact]
    public async Task Split_files_say_which_chips_are_trained_on_and_held_out()
    {
        Write("images", "labels", "a", "b", "c", "d");
        var (train, held) = (Lines("train.txt", "a", "d"), Lines("val.txt", "c.tif"));
        var report = (await RunAsync(Data("") with { SplitFile = train, ValidationSplitFile = held })).Report;
        Assert.Equal("a,d|c", Parts(report));
        report = (await RunAsync(Data("") with { ValidationSplitFile = held })).Report;
        Assert.Equal("a,b,d|c", Parts(report));
    }

    [Fact]
    public async Task A_chip_in_both_parts_is_refused()
    {
        Write("images", "labels", "a", "b");
        var both = Lines("both.txt", "a", "b");
        var failure = await Assert.ThrowsAsync<TrainingDataException>(() => RunAsync(Data("") with { SplitFile = both, ValidationSplitFile = Lines("val.txt", "b") }));
        Assert.Contains("1 chips are both trained on and held out, the first 'b'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_constant_scale_reaches_the_map_and_changes_nothing_that_statistics_undo()
    {
        Write("images", "labels", "a", "b", "c");
        var data = Data("") with { Statistics = StatisticsSource.Data, HoldOut = ["c"], Augment = false };
        var (plain, before) = (await RunAsync(data), await ManifestAsync(data));
        data = data with { ConstantScale = 0.5 };
        var (scaled, after) = (await RunAsync(data), await ManifestAsync(data));
        Assert.Equal(plain.Report.Best!.Loss, scaled.Report.Best!.Loss, 1e-5);
        Assert.Equal(0.5 * before.ValueScale, after.ValueScale);
        Assert.Equal(before.Bands[0].Mean * 0.5, after.Bands[0].Mean, 1e-9);
    }

    [Fact]
    public async Task Means_and_deviations_of_the_recipe_are_those_of_the_model()
    {
        Write("images", "labels", "a", "b", "c");
        var manifest = await ManifestAsync(Data("") with { Means = [3, 4], Deviations = [5, 6] });
        Assert.Equal([(3, 5), (4, 6)], manifest.Bands.Select(band => ((int)band.Mean, (int)band.StandardDeviation)));
        var failure = await Assert.ThrowsAsync<TrainingDataException>(() => RunAsync(Data("") with { Means = [3], Deviations = [5] }));
        Assert.Contains("1 means and 1 deviations; tiny has 2 channels", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_from_1_on_lose_1_and_0_is_not_labelled()
    {
        Write("images", "labels", "a", "b", "c");   // labels 0, 1, 2
        var report = (await RunAsync(Data("") with { ReduceZeroLabel = true, Classes = [new("one"), new("two")] })).Report;
        Assert.Contains("IoU_two", report.Best!.Metrics.Keys, StringComparer.Ordinal);
        await Assert.ThrowsAsync<TrainingDataException>(() => RunAsync(Data("") with { Classes = [new("one"), new("two")] }));
    }

    [Fact]
    public async Task Weights_of_classes_are_one_a_class_and_belong_to_cross_entropy()
    {
        Write("images", "labels", "a", "b", "c");
        var balanced = await RunAsync(Data(""), new LossRecipe { Weights = [1, 0, 0] });
        var plain = await RunAsync(Data(""), new LossRecipe());
        Assert.NotEqual(plain.Report.Best!.Loss, balanced.Report.Best!.Loss);
        Assert.Contains("gives 2 weights of classes", (await Assert.ThrowsAsync<TrainingException>(() => RunAsync(Data(""), new LossRecipe { Weights = [1, 2] }))).Message, StringComparison.Ordinal);
        Assert.Contains("belong to cross-entropy", (await Assert.ThrowsAsync<TrainingException>(() => RunAsync(Data(""), new LossRecipe { Name = LossName.Dice, Weights = [1, 2, 3] }))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Losses_are_added_with_their_weights()
    {
        Write("images", "labels", "a", "b", "c");
        var still = new OptimizerRecipe { Name = OptimizerName.Sgd, LearningRate = 1e-12 };   // all see the same parameters
        async Task<double> LossAsync(LossRecipe loss) => (await RunAsync(Data(""), loss, still)).Report.Epochs[0].Validation.Loss;
        double[] weights = [0.5, 2];
        LossName[] names = [LossName.Ce, LossName.Lovasz];
        var alone = new List<double>();
        foreach (var name in names)
        {
            alone.Add(await LossAsync(new LossRecipe { Name = name }));
        }

        Assert.Equal(alone.Zip(weights, (loss, weight) => loss * weight).Sum(), await LossAsync(new LossRecipe { Parts = [.. names.Zip(weights, (name, weight) => new LossPartRecipe { Name = name, Weight = weight })] }), 1e-5);
        Assert.Contains("both loss.name and loss.parts", (await Assert.ThrowsAsync<TrainingException>(() => LossAsync(new LossRecipe { Name = LossName.Ce, Parts = [new LossPartRecipe { Name = LossName.Dice }] }))).Message, StringComparison.Ordinal);
        Assert.Contains("The loss mse does not belong", (await Assert.ThrowsAsync<TrainingException>(() => LossAsync(new LossRecipe { Parts = [new LossPartRecipe { Name = LossName.Ce }, new LossPartRecipe { Name = LossName.Mse }] }))).Message, StringComparison.Ordinal);
    }

    private DataRecipe Data(string folder) => new() { Folder = Path.Combine(_root, folder), Classes = [new("none"), new("one"), new("two")] };

    private Task<FitResult> RunAsync(DataRecipe data, LossRecipe? loss = null, OptimizerRecipe? optimizer = null) => TrainingJob.RunAsync(
        new TrainingRecipe
        {
            Model = Path.Combine(_root, "encoder.onnx"), Data = data, Loss = loss ?? new LossRecipe(), Optimizer = optimizer ?? new OptimizerRecipe(), Method = new MethodRecipe { Name = TrainingMethod.LinearProbe },
            Decoder = new DecoderRecipe { Name = DecoderName.Linear }, Run = new RunRecipe { Epochs = 1, Batch = 2, Threads = 1 },
        },
        new JobOptions { Folder = Path.Combine(_root, "run") });

    private async Task<ModelManifest> ManifestAsync(DataRecipe data)
    {
        await RunAsync(data);
        return ModelManifest.Parse(OnnxModel.Load(Path.Combine(_root, "run", "model.onnx")).Metadata[ModelManifest.MetadataKey]);
    }

    private static string Parts(TrainingReport report) => $"{string.Join(',', report.TrainingChips)}|{string.Join(',', report.ValidationChips)}";

    private string Lines(string name, params string[] lines)
    {
        var path = Path.Combine(_root, name);
        File.WriteAllLines(path, lines);
        return path;
    }

    private void Write(string images, string labels, params string[] names)
    {
        foreach (var (index, name) in names.Index())
        {
            RecipeChipFiles.Image(Path.Combine(_root, images, $"{name}.tif"), 2, Tile, index);
            RecipeChipFiles.Classes(Path.Combine(_root, labels, $"{name}.tif"), Tile, [0, 1, 2], index);
        }
    }
}
