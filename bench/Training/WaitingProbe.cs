using System.Globalization;
using EoOnnx.Decoders;
using EoOnnx.Export;
using EoOnnx.Raster;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Data.Synthetic;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Bench.Training;

/// <summary>The share of the training in which no batch was ready, on chips of the burn scars' shape: 512 x 512 pixels, 6 bands of 16 bits, 180 names that do not fit the cache of decoded chips.</summary>
internal static class WaitingProbe
{
    private const int Names = 180, HeldOut = 8, Size = 512, Tile = 224, Bands = 6;
    private const double LargestShare = 0.03;

    public static void Run(int threads, int epochs, TextWriter output)
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-bench-waiting");
        try
        {
            var scenes = SyntheticDataset.Write(folder.FullName, [.. Enumerable.Range(1, 4).Select(seed => new SyntheticSceneOptions { Seed = seed, Size = Size })], SyntheticLabels.Burns);
            var source = new RasterChipSource([.. Enumerable.Range(0, Names).Select(chip => new ChipFile(string.Create(CultureInfo.InvariantCulture, $"chip {chip:D3}"), scenes.Images[chip % 4], scenes.Labels[chip % 4]))]);
            foreach (var (size, batch) in new[] { ("tiny", 4), ("v1-100", 2) })
            {
                var report = Train(size, batch, threads, epochs, source);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"waiting, prithvi {size}, batch {batch}: {100 * report.Timing.WaitingShare:F1} % of {report.Steps} steps, {report.Timing.ImagesPerSecond:F1} images/s, goal at most {100 * LargestShare:F0} %: {(report.Timing.WaitingShare <= LargestShare ? "reached" : "MISSED")}"));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static TrainingReport Train(string size, int batch, int threads, int epochs, RasterChipSource source)
    {
        var encoder = BackboneExport.FromRandom(Backbones.Find("prithvi"), size, 1, new BackboneOptions { Tile = Tile, Frames = 1 }).Model;
        var task = TaskModel.Compose(encoder, new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 8, Seed = 1 }, new ConvolutionalDecoder { Classes = 2, Seed = 1 });
        var data = new TrainingData(
            source, DataSplit.LeaveOut(source.Chips, [.. source.Chips.Take(HeldOut).Select(chip => chip.Name)]),
            new SampleOptions { Tile = Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(2000, 1000), Bands)], Classes = new ClassLabels { Classes = 2 }, Augmentation = Augmentation.Standard },
            new BatchLoaderOptions { BatchSize = batch });
        return new AdapterTrainer(task, Loss.CrossEntropy(255), new AdamW(1e-3)).FitAsync(data, new FitOptions { Epochs = epochs, Threads = threads }).GetAwaiter().GetResult().Report;
    }
}
