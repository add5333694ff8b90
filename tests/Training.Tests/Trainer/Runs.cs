using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Trainer;

/// <summary>Small training runs: chips whose classes are bright and dark squares, and the test encoder.</summary>
internal static class Runs
{
    public const int Tile = 32;

    public static TrainingData Data(int chips = 6, int batch = 2, long seed = 3) => new(
        new ArrayChipSource([.. Enumerable.Range(0, chips).Select(Chip)]),
        DataSplit.LeaveOut([.. Enumerable.Range(0, chips).Select(chip => new ChipInfo($"chip-{chip}", new PixelSize(Tile, Tile)))], ["chip-0", "chip-1"]),
        new SampleOptions { Tile = Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), 3)], Classes = new ClassLabels { Classes = 2 } },
        new BatchLoaderOptions { BatchSize = batch, Seed = seed });

    public static TaskModel Task(PeftOptions? peft = null) => TaskModel.Compose(
        TestEncoder.Build(), peft ?? new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 4, Alpha = 8, Seed = 5 }, new LinearDecoder { Upsampling = 1, Classes = 2, Seed = 5 });

    public static AdapterTrainer Trainer(TaskModel? task = null, double learningRate = 0.01) => new(task ?? Task(), Loss.CrossEntropy(255), new AdamW(learningRate));

    /// <summary>Squares of 8 pixels, dark (0) or bright (1), with noise; a few pixels are not labelled.</summary>
    private static ArrayChip Chip(int index)
    {
        var bright = RandomTensors.Uniform(index, "squares", [16], 1).ToSingles();
        var noise = RandomTensors.Normal(index, "noise", [3, Tile, Tile], 0.3).ToSingles();
        var (image, labels) = (new float[3 * Tile * Tile], new float[Tile * Tile]);
        for (var i = 0; i < image.Length; i++)
        {
            var pixel = i % (Tile * Tile);
            var isBright = bright[(pixel / Tile / 8 * 4) + (pixel % Tile / 8)] > 0;
            image[i] = noise[i] + (isBright ? 1 : -1);
            labels[pixel] = pixel % 97 == 0 ? float.NaN : isBright ? 1 : 0;
        }

        return new ArrayChip($"chip-{index}", new PixelSize(Tile, Tile), image, labels);
    }
}
