using System.Security.Cryptography;
using System.Text.Json;
using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;
using EoOnnx.Training.Trainer.Schedules;

namespace EoOnnx.Training.Tests.Trainer;

public sealed class AdapterTrainerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-trainer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_run_learns_and_writes_model_adapter_and_report()
    {
        var run = Path.Combine(_folder, "run");
        var result = await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 12, Folder = run });
        var report = result.Report;
        Assert.Equal(12, report.Epochs.Count);
        Assert.True(report.Epochs[^1].TrainingLoss < 0.5 * report.Epochs[0].TrainingLoss, $"{report.Epochs[0].TrainingLoss} → {report.Epochs[^1].TrainingLoss}");
        Assert.True(report.Best!.Metrics["mIoU"] > 0.9, $"mIoU {report.Best.Metrics["mIoU"]}");
        Assert.Equal(report.Epochs.Max(epoch => epoch.Validation.Score), report.Best.Score);
        Assert.Equal(["adapter.onnx_adapter", "adapter.safetensors", "checkpoint.safetensors", "model.onnx", "report.html", "report.json"],
            Directory.EnumerateFileSystemEntries(run).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run, "report.json")));
        Assert.Equal(report.BestEpoch, json.RootElement.GetProperty("bestEpoch").GetInt32());
    }

    [Fact]
    public async Task The_files_of_a_run_give_the_metrics_that_it_reports()
    {
        var run = Path.Combine(_folder, "run");
        var data = Runs.Data();
        var result = await Runs.Trainer().FitAsync(data, new FitOptions { Epochs = 3, Folder = run });
        foreach (var file in new[] { "adapter.safetensors", "adapter.onnx_adapter" })
        {
            using var model = EoModel.Load(Path.Combine(run, "model.onnx"));
            using var adapter = model.LoadAdapter(Path.Combine(run, file));
            var (confusion, boundary) = (new ConfusionMatrix(2, 255), new BoundaryIoU(2, 255));
            await foreach (var batch in data.Validation.ReadAsync(0))
            {
                using (batch)
                {
                    var logits = model.Run(batch.Images, [batch.Count, 3, Runs.Tile, Runs.Tile], [TaskModel.PredictionName], adapter)[0].ToSingles();
                    var pixels = Runs.Tile * Runs.Tile;
                    int[] classes = [.. Enumerable.Range(0, batch.Count * pixels).Select(i => logits[(((i / pixels * 2) + 1) * pixels) + (i % pixels)] > logits[(i / pixels * 2 * pixels) + (i % pixels)] ? 1 : 0)];
                    confusion.Add(classes, batch.Classes.Span);
                    for (var sample = 0; sample < batch.Count; sample++)
                    {
                        boundary.Add(classes.AsSpan(sample * pixels, pixels), batch.Classes.Span.Slice(sample * pixels, pixels), Runs.Tile, Runs.Tile);
                    }
                }
            }

            Assert.Equal(result.Report.Best!.Confusion, confusion.ToRows());
            Assert.Equal(result.Report.Best.Metrics["Boundary_mIoU"], boundary.Mean);
            Assert.InRange(boundary.Mean, 1e-3, 1);
        }
    }

    [Theory, InlineData(1), InlineData(2)]
    public async Task Same_seed_machine_and_threads_give_the_same_adapter_bit_for_bit(int accumulation)
    {
        var hashes = new List<string>();
        foreach (var name in new[] { "a", "b" })
        {
            var folder = Path.Combine(_folder, name);
            await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2, Folder = folder, Threads = 2, Graph = new TrainingGraphOptions { Accumulation = accumulation } });
            hashes.Add(Hash(folder));
        }

        Assert.Equal(hashes[0], hashes[1]);
    }

    [Theory, InlineData(1, 1), InlineData(3, 1), InlineData(5, 1), InlineData(3, 2), InlineData(3, 1, 0.9), InlineData(3, 2, 0.9)]
    public async Task A_run_that_was_stopped_and_resumed_ends_with_the_same_bits(int stopAfter, int accumulation, double? average = null)
    {
        FitOptions Options(string name, bool resume = false) => new()
        {
            Epochs = 3, Folder = Path.Combine(_folder, name), CheckpointEvery = 1, Resume = resume, Schedule = new CosineSchedule(), RecipeJson = "{}",
            Graph = new TrainingGraphOptions { Accumulation = accumulation, AverageDecay = average },
        };
        await Runs.Trainer().FitAsync(Runs.Data(), Options("whole"));
        using (var stop = new CancellationTokenSource())
        {
            var batches = 0;
            var first = await Runs.Trainer().FitAsync(Runs.Data(), Options("parts"), new Immediate(step =>
            {
                if (step.Stage == TrainingStage.Training && ++batches == stopAfter)
                {
                    stop.Cancel();
                }
            }), stop.Token);
            Assert.True(first.Report.Interrupted);
            Assert.True(File.Exists(Path.Combine(_folder, "parts", "adapter.safetensors")));
        }

        var second = await Runs.Trainer().FitAsync(Runs.Data(), Options("parts", resume: true));
        Assert.False(second.Report.Interrupted);
        Assert.Equal(Hash(Path.Combine(_folder, "whole")), Hash(Path.Combine(_folder, "parts")));
    }

    [Fact]
    public async Task A_checkpoint_of_another_recipe_is_refused_with_the_setting_that_differs()
    {
        await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 1, Folder = _folder, RecipeJson = """{"run":{"epochs":1}}""" });
        var failure = await Assert.ThrowsAsync<TrainingException>(() => Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2, Folder = _folder, Resume = true, RecipeJson = """{"run":{"epochs":2}}""" }));
        Assert.Contains("run.epochs was 1 and is 2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_that_breaks_names_the_step_and_the_first_bad_tensor_and_leaves_the_checkpoint()
    {
        var trainer = new AdapterTrainer(Runs.Task(), Losses.Loss.CrossEntropy(255), new Optimizers.StochasticGradientDescent(1e38));
        var failure = await Assert.ThrowsAsync<TrainingException>(() => trainer.FitAsync(Runs.Data(), new FitOptions { Epochs = 5, Folder = _folder }));
        Assert.Contains("Training broke at step", failure.Message, StringComparison.Ordinal);
        Assert.Contains("the first gradient that is not finite is that of blocks.0.attn.qkv.q_linear.lora_", failure.Message, StringComparison.Ordinal);
        Assert.All(SafetensorsFile.Open(Path.Combine(_folder, "checkpoint.safetensors")).Tensors, tensor => Assert.True(tensor.Value.ToSingles().All(float.IsFinite)));
    }

    [Fact]
    public async Task Patience_ends_a_run_that_gets_no_better()
    {
        var result = await Runs.Trainer(learningRate: 0).FitAsync(Runs.Data(), new FitOptions { Epochs = 50, Patience = 2 });
        Assert.Equal((3, 1), (result.Report.Epochs.Count, result.Report.BestEpoch));
        Assert.False(result.Report.Interrupted);
    }

    [Fact]
    public async Task The_last_epoch_is_saved_where_a_run_asks_for_it_though_an_earlier_one_was_as_good()
    {
        var still = await Runs.Trainer(learningRate: 0).FitAsync(Runs.Data(), new FitOptions { Epochs = 3, Keep = KeptEpoch.Last });
        Assert.Equal((1, 3), (still.Report.BestEpoch, still.Report.KeptEpoch));
        var last = await Runs.Trainer(learningRate: 0.5).FitAsync(Runs.Data(), new FitOptions { Epochs = 4, Keep = KeptEpoch.Last, Folder = _folder });
        var steps = SafetensorsFile.Open(Path.Combine(_folder, "checkpoint.safetensors")).Tensors;
        Assert.Equal(4, last.Report.KeptEpoch);
        Assert.All(last.Adapter.Tensors, tensor => Assert.Equal(tensor.Value.ToSingles(), steps["current/" + tensor.Key].ToSingles()));
        var best = await Runs.Trainer(learningRate: 0.5).FitAsync(Runs.Data(), new FitOptions { Epochs = 4 });
        Assert.Equal(best.Report.BestEpoch, best.Report.KeptEpoch);
        Assert.Equal(last.Report.Epochs.Select(epoch => epoch.TrainingLoss), best.Report.Epochs.Select(epoch => epoch.TrainingLoss));
    }

    [Fact]
    public async Task An_average_that_hardly_moves_saves_and_evaluates_what_was_there_before_training()
    {
        var untrained = Runs.Task().TrainingModel.Graph;
        var result = await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2, Graph = new TrainingGraphOptions { AverageDecay = 0.01 } });
        var averaged = await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2, Graph = new TrainingGraphOptions { AverageDecay = 0.999 } });
        double Distance(FitResult run) => run.Adapter.Tensors.Sum(tensor => tensor.Value.ToSingles().Zip(untrained.FindInput(tensor.Key)!.Data!.ToSingles(), (a, b) => Math.Pow(a - b, 2)).Sum());
        Assert.True(Distance(averaged) < Distance(result) && Distance(averaged) > 0);
        Assert.NotEqual(result.Report.Epochs[^1].Validation.Loss, averaged.Report.Epochs[^1].Validation.Loss);
        Assert.Equal(result.Report.Epochs[0].TrainingLoss, averaged.Report.Epochs[0].TrainingLoss);   // the steps themselves are the same
    }

    [Fact]
    public async Task Two_runs_into_one_folder_are_refused()
    {
        using var workspace = new Workspace(new FitOptions { Folder = _folder });
        var failure = await Assert.ThrowsAsync<TrainingException>(() => Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Folder = _folder }));
        Assert.Contains("Another run is training into", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Progress_tells_epoch_loss_speed_and_what_is_left()
    {
        var steps = new List<TrainingProgress>();
        await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2 }, new Immediate(steps.Add));
        var last = steps.Last(step => step.Stage == TrainingStage.Training);
        Assert.Equal((2, 2), (last.Epoch, last.Epochs));
        Assert.True(last is { Loss: > 0, ImagesPerSecond: > 0, Fraction: 1, WaitingShare: >= 0 and <= 1 });
        Assert.Equal(2, steps.Count(step => step.Stage == TrainingStage.EpochDone && step.Validation is not null));
    }

    [Theory, MemberData(nameof(Methods))]
    public async Task Every_method_lowers_the_loss_and_trains_only_its_own_tensors(string name, PeftOptions peft, Func<string, bool> belongs)
    {
        var result = await Runs.Trainer(Runs.Task(peft)).FitAsync(Runs.Data(), new FitOptions { Epochs = 4 });
        Assert.True(result.Report.Epochs[^1].TrainingLoss < result.Report.Epochs[0].TrainingLoss, name);
        Assert.All(result.Adapter.Tensors.Keys, tensor => Assert.True(belongs(tensor) || TrainableTensor.IsBehindEncoder(tensor), $"{name} trained {tensor}"));
        Assert.True(result.Adapter.Tensors.Keys.Any(belongs), name);
    }

    public static TheoryData<string, PeftOptions, Func<string, bool>> Methods() => new()
    {
        { "full", new FullOptions(), name => !name.StartsWith("pos_embed", StringComparison.Ordinal) },
        { "last block", new LastBlocksOptions { Blocks = 1 }, name => name.StartsWith("blocks.1.", StringComparison.Ordinal) },
        { "biases", new BiasOptions(), name => name.EndsWith(".bias", StringComparison.Ordinal) },
        { "norms", new NormOptions(), name => name.Contains(".norm", StringComparison.Ordinal) },
        { "dora", new LoraOptions { Targets = ["attn.qkv:q,v"], Dora = true }, name => name.Contains(".lora_", StringComparison.Ordinal) },
        { "ia3", new Ia3Options { Targets = ["attn.qkv:k,v", "mlp.fc2"], FeedForward = ["mlp.fc2"] }, name => name.EndsWith(".ia3_l", StringComparison.Ordinal) },
    };

    [Fact]
    public async Task Without_a_method_only_the_head_is_trained()
    {
        var task = TaskModel.Compose(TestEncoder.Build(), null, new ConvolutionalDecoder { Classes = 2, Channels = 8, Stages = 1 });
        var result = await Runs.Trainer(task).FitAsync(Runs.Data(), new FitOptions { Epochs = 2 });
        Assert.All(result.Adapter.Tensors.Keys, name => Assert.True(TrainableTensor.IsBehindEncoder(name), name));
    }

    [Fact]
    public async Task A_decoder_with_batch_statistics_keeps_its_running_statistics_in_the_adapter()
    {
        var task = TaskModel.Compose(TestEncoder.Build(), null, new UNetDecoder { Classes = 2, Channels = [8, 8, 8, 8] });
        var result = await Runs.Trainer(task).FitAsync(Runs.Data(), new FitOptions { Epochs = 6, Folder = _folder });
        Assert.True(result.Report.Epochs[^1].TrainingLoss < result.Report.Epochs[0].TrainingLoss);
        Assert.Contains(result.Adapter.Tensors.Keys, name => name.EndsWith("running_mean", StringComparison.Ordinal));
        using var model = EoModel.Load(Path.Combine(_folder, "model.onnx"));
        using var adapter = model.LoadAdapter(Path.Combine(_folder, "adapter.safetensors"));
        Assert.Equal(model.AdapterSlots.Keys, adapter.TensorNames);
    }

    private static string Hash(string folder) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "adapter.safetensors"))));

    private sealed class Immediate(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
