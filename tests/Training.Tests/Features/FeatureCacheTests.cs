using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Features;

public sealed class FeatureCacheTests : IDisposable
{
    private const int Epochs = 4;

    private static readonly FeatureCacheOptions Exact = new() { Mode = FeatureCaching.Disk, Precision = FeaturePrecision.Float32 };

    private static readonly Dictionary<string, PeftOptions?> Peft = new()
    {
        ["linear probe"] = null,
        ["LoRA on the last block"] = new LoraOptions { Targets = ["attn.qkv:q,v"], Layers = [3], Rank = 4, Seed = 5 },
        ["LoRA in the last MLPs, with dropout"] = new LoraOptions { Targets = ["mlp.fc1", "mlp.fc2"], Layers = [2, 3], Rank = 4, Dropout = 0.3, Seed = 5 },
        ["DoRA on the last block"] = new LoraOptions { Targets = ["attn.proj"], Layers = [3], Rank = 4, Dora = true, Seed = 5 },
        ["last blocks"] = new LastBlocksOptions { Blocks = 2 },
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-features-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Methods => [.. Peft.Keys];

    [Theory, MemberData(nameof(Methods))]
    public async Task Training_on_kept_features_gives_the_bits_of_training_on_images(string method)
    {
        var plain = await FitAsync(FeatureCacheOptions.None, method);
        var cached = await FitAsync(new FeatureCacheOptions { Mode = FeatureCaching.Memory }, method);
        Assert.Equal(FeatureCaching.Memory, cached.Report.Features!.Mode);
        Assert.InRange(cached.Report.Features.Records, 4 + 2 + 1, (4 * 8) + 2);   // four samples in up to eight positions, two held out
        SameBits(plain, cached);
    }

    [Fact]
    public async Task Features_on_disk_serve_later_runs_and_what_is_damaged_is_made_again()
    {
        var options = Exact with { Folder = Path.Combine(_folder, "features") };
        var first = await FitAsync(options);
        SameBits(await FitAsync(FeatureCacheOptions.None), first);
        var (records, files) = (first.Report.Features!.Records, Files());
        Assert.Equal((records, records, 0), (files.Count, first.Report.Features.Computed, first.Report.Features.Reused));

        var second = await FitAsync(options);
        Assert.Equal((0, records), (second.Report.Features!.Computed, second.Report.Features.Reused));
        SameBits(first, second);

        // What a crash, a full disk or a bad disk leave behind: a part of a file, a file too short, a wrong byte, no file.
        File.WriteAllBytes($"{files[0]}.1-2.part", [1, 2, 3]);
        File.WriteAllBytes(files[1], File.ReadAllBytes(files[1])[..^5]);
        var bytes = File.ReadAllBytes(files[2]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(files[2], bytes);
        File.Delete(files[3]);
        var third = await FitAsync(options);
        Assert.Equal((3, records - 3), (third.Report.Features!.Computed, third.Report.Features.Reused));
        SameBits(first, third);
        Assert.Equal(files, Files());

        List<string> Files() => [.. Directory.EnumerateFiles(options.Folder!, "*.features", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task By_default_features_are_kept_where_that_saves_work_and_keeps_the_bits()
    {
        var still = new AdapterTrainer(Task("linear probe"), Loss.CrossEntropy(255), new AdamW(0.01));
        var (plain, kept) = (await still.FitAsync(Data(Augmentation.None), Options(FeatureCacheOptions.None)), await still.FitAsync(Data(Augmentation.None), Options(new FeatureCacheOptions())));
        Assert.Equal((FeatureCaching.Memory, FeaturePrecision.Float32), (kept.Report.Features!.Mode, kept.Report.Features.Precision));
        SameBits(plain, kept);
        var once = await still.FitAsync(Data(Augmentation.None), Options(new FeatureCacheOptions()) with { Epochs = 1 });
        Assert.Contains("leave little to save", once.Report.Features!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_base_pixel_or_normalisation_finds_nothing()
    {
        var options = Exact with { Folder = Path.Combine(_folder, "features") };
        await FitAsync(options);
        var other = await new AdapterTrainer(Task("linear probe", seed: 2), Loss.CrossEntropy(255), new AdamW(0.01)).FitAsync(Runs.Data(), Options(options));
        var scaled = await new AdapterTrainer(Task("linear probe"), Loss.CrossEntropy(255), new AdamW(0.01)).FitAsync(Data(Augmentation.Standard, deviation: 2), Options(options));
        Assert.All(new[] { other, scaled }, run => Assert.Equal(0, run.Report.Features!.Reused));
    }

    [Fact]
    public async Task Rounded_features_take_half_the_room_and_change_the_result_a_little()
    {
        var plain = await FitAsync(FeatureCacheOptions.None);
        var exact = await FitAsync(Exact with { Folder = Path.Combine(_folder, "exact") });
        var rounded = await FitAsync(new FeatureCacheOptions { Mode = FeatureCaching.Disk, Folder = Path.Combine(_folder, "rounded") });
        Assert.Equal(FeaturePrecision.Bfloat16, rounded.Report.Features!.Precision);
        long Size(string name) => Directory.EnumerateFiles(Path.Combine(_folder, name), "*.features", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length - 32);
        Assert.Equal(Size("exact"), 2 * Size("rounded"));
        Assert.Equal(plain.Report.Epochs[^1].TrainingLoss, rounded.Report.Epochs[^1].TrainingLoss, 0.02 * plain.Report.Epochs[^1].TrainingLoss);
        Assert.NotEqual(plain.Report.Epochs[^1].TrainingLoss, rounded.Report.Epochs[^1].TrainingLoss);
        Assert.Equal(exact.Report.Features!.Records, rounded.Report.Features.Records);
    }

    [Theory, InlineData(FeatureCaching.Memory, 5), InlineData(FeatureCaching.Disk, 3)]
    public async Task A_run_that_was_stopped_and_resumed_on_kept_features_ends_with_the_same_bits(FeatureCaching mode, int stopAfter)
    {
        var features = Exact with { Mode = mode, Folder = Path.Combine(_folder, "features") };
        var whole = await FitAsync(features);
        using (var stop = new CancellationTokenSource())
        {
            var batches = 0;
            var first = await Trainer().FitAsync(Runs.Data(), Options(features) with { Folder = Path.Combine(_folder, "run"), CheckpointEvery = 1 }, new Immediate(step =>
            {
                if (step.Stage == TrainingStage.Training && ++batches == stopAfter)
                {
                    stop.Cancel();
                }
            }), stop.Token);
            Assert.True(first.Report.Interrupted);
        }

        if (mode == FeatureCaching.Disk)
        {
            // A run that was killed while it computed features leaves some of them.
            File.Delete(Directory.EnumerateFiles(features.Folder!, "*.features", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First());
        }

        SameBits(whole, await Trainer().FitAsync(Runs.Data(), Options(features) with { Folder = Path.Combine(_folder, "run"), CheckpointEvery = 1, Resume = true }));
    }

    [Fact]
    public async Task Random_values_and_random_crops_conflict_with_kept_features()
    {
        foreach (var (data, what) in new[]
        {
            (Data(Augmentation.Standard with { Noise = 0.1f }), "values are changed at random (noise, jitter or dropped bands)"),
            (Data(Augmentation.Standard, tile: Runs.Tile / 2), $"crops are drawn at random from chips that are larger than a tile of {Runs.Tile / 2} px"),
        })
        {
            var trainer = new AdapterTrainer(Task("linear probe", tile: what.StartsWith("crops", StringComparison.Ordinal) ? Runs.Tile / 2 : Runs.Tile), Loss.CrossEntropy(255), new AdamW(0.01));
            var failure = await Assert.ThrowsAsync<TrainingException>(() => trainer.FitAsync(data, Options(new FeatureCacheOptions { Mode = FeatureCaching.Memory })));
            Assert.Contains($"{what}, so no image comes twice; leave that out with --no-augmentation (data.augment: false)", failure.Message, StringComparison.Ordinal);
            var auto = await trainer.FitAsync(data, Options(new FeatureCacheOptions()) with { Epochs = 2 });
            Assert.Equal(FeatureCaching.Off, auto.Report.Features!.Mode);
            Assert.Contains(what, auto.Report.Features.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_memory_plan_counts_features_and_by_default_leaves_them_out_where_they_do_not_fit()
    {
        var (trainer, data, many) = (Trainer(), Runs.Data(chips: 40), Options(new FeatureCacheOptions()) with { Epochs = 12 });
        var needed = (await Assert.ThrowsAsync<MemoryBudgetException>(() => trainer.FitAsync(data, many with { Features = FeatureCacheOptions.None, MemoryBudget = 1 << 20 }))).Needed;
        var tight = await trainer.FitAsync(data, many with { MemoryBudget = needed });
        Assert.Equal(FeatureCaching.Off, tight.Report.Features!.Mode);
        Assert.Contains("with them the run would need about", tight.Report.Features.Reason, StringComparison.Ordinal);
        var free = await trainer.FitAsync(data, many);
        Assert.Equal(free.Report.Features!.Bytes, free.Report.Memory!.Plan.FeatureBytes);
        Assert.InRange(free.Report.Memory.Plan.FeaturePassBytes, 1, free.Report.Memory.Plan.EstimatedPeak);
    }

    private static void SameBits(FitResult expected, FitResult actual)
    {
        Assert.Equal(expected.Report.Epochs.Select(epoch => (epoch.TrainingLoss, epoch.Validation.Loss)), actual.Report.Epochs.Select(epoch => (epoch.TrainingLoss, epoch.Validation.Loss)));
        Assert.Equal(expected.Adapter.Tensors.Keys, actual.Adapter.Tensors.Keys);
        Assert.All(expected.Adapter.Tensors, tensor => Assert.Equal(tensor.Value.Bytes.ToArray(), actual.Adapter.Tensors[tensor.Key].Bytes.ToArray()));
    }

    private static Task<FitResult> FitAsync(FeatureCacheOptions features, string method = "linear probe") => Trainer(method).FitAsync(Runs.Data(), Options(features));

    private static FitOptions Options(FeatureCacheOptions features) => new() { Epochs = Epochs, Features = features, Threads = 1 };

    private static AdapterTrainer Trainer(string method = "linear probe") => new(Task(method), Loss.CrossEntropy(255), new AdamW(0.01));

    private static TaskModel Task(string method, long seed = 1, int tile = Runs.Tile) => TaskModel.Compose(TestEncoder.Build(depth: 4, seed: seed, tile: tile), Peft[method], new LinearDecoder { Upsampling = 1, Classes = 2, Seed = 5 });

    private static TrainingData Data(Augmentation augmentation, int tile = Runs.Tile, float deviation = 1)
    {
        ArrayChip Chip(int index) => new($"chip-{index}", new PixelSize(Runs.Tile, Runs.Tile), RandomTensors.Normal(index, "pixels", [3 * Runs.Tile * Runs.Tile], 1).ToSingles(), new float[Runs.Tile * Runs.Tile]);
        var source = new ArrayChipSource([.. Enumerable.Range(0, 4).Select(Chip)]);
        var samples = new SampleOptions { Tile = tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, deviation), 3)], Classes = new ClassLabels { Classes = 2 }, Augmentation = augmentation };
        return new TrainingData(source, DataSplit.LeaveOut(source.Chips, ["chip-0"]), samples, new BatchLoaderOptions { BatchSize = 2, Seed = 3 });
    }

    private sealed class Immediate(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
