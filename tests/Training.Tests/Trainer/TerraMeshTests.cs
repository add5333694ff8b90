using System.Globalization;
using EoOnnx.Tests;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Training.Tests.Trainer;

/// <summary>
/// Real Sentinel-2 chips with land-cover labels, each held out once. The encoder has random weights, so this proves the way from files
/// to metrics and not a pretrained model's worth; the figures stand in the test's output. They are those of the last epoch: the best one
/// would be chosen by the held-out chip itself.
/// </summary>
public sealed class TerraMeshTests : IDisposable
{
    private const int Classes = 9;

    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-terramesh-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Held_out_real_chips_are_mapped_better_than_by_the_majority_class()
    {
        var chips = SharedData.Require(Path.Combine(SharedData.Data, "terramesh"));
        var encoder = Path.Combine(_folder, "encoder.onnx");
        TestEncoder.Build(bands: 12, tile: 112, patch: 8, width: 32).Save(encoder);
        var pooled = new SortedDictionary<string, ConfusionMatrix>(StringComparer.Ordinal);
        var output = TestContext.Current.TestOutputHelper!;
        foreach (var name in Directory.EnumerateFiles(Path.Combine(chips, "LULC"), "*.tif").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal))
        {
            var result = await TrainingJob.RunAsync(
                new TrainingRecipe
                {
                    Model = encoder,
                    Data = new DataRecipe { Folder = chips, Images = "S2L2A/*.tif", Labels = "LULC/*.tif", Classes = [.. Enumerable.Range(1, Classes).Select(value => new ClassRecipe($"class {value}", value))], Ignored = [0], HoldOut = [name] },
                    Method = new MethodRecipe { Rank = 4 },
                    Decoder = new DecoderRecipe { Channels = [16] },
                    Loss = new LossRecipe { ClassWeights = ClassWeighting.SquareRoot },
                    Optimizer = new OptimizerRecipe { LearningRate = 5e-3 },
                    Run = new RunRecipe { Epochs = 15, Batch = 4, Seed = 1 },
                },
                new JobOptions { Folder = Path.Combine(_folder, name) },
                cancellation: TestContext.Current.CancellationToken);
            var epochs = result.Report.Epochs;
            Assert.True(epochs[^1].TrainingLoss < 0.8 * epochs[0].TrainingLoss, $"{name}: loss {epochs[0].TrainingLoss} → {epochs[^1].TrainingLoss}");
            foreach (var (rule, figures) in result.Report.Baselines!.Append(KeyValuePair.Create("adapter", epochs[^1].Validation)))
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}  {rule,-16} mIoU {figures.Score:F4}  accuracy {figures.Metrics["Pixel_Accuracy"]:F4}"));
                var matrix = ConfusionMatrix.FromRows(figures.Confusion!);
                if (!pooled.TryAdd(rule, matrix))
                {
                    pooled[rule].Merge(matrix);
                }
            }
        }

        foreach (var (rule, matrix) in pooled)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"all chips, each held out once: {rule,-16} mIoU {matrix.Metrics().MeanIoU:F4}  accuracy {matrix.Metrics().PixelAccuracy:F4}"));
        }

        Assert.True(pooled["adapter"].Metrics().MeanIoU > pooled["majority class"].Metrics().MeanIoU);
        Assert.True(pooled["adapter"].Metrics().PixelAccuracy > pooled["majority class"].Metrics().PixelAccuracy);
    }
}
