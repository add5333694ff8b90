using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Training.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>What a training run may take and what it need not do twice, through the real program.</summary>
public sealed class TrainingBudgetTests(TrainingBudgetTests.Chips chips) : IClassFixture<TrainingBudgetTests.Chips>
{
    private static readonly string[] Probe =
        ["train-adapter", "--model", "encoder.onnx", "--data", "chips", "--classes", "unburned,burned", "--method", "linear-probe", "--batch", "4", "--epochs", "6", "--seed", "3", "--threads", "1", "--decoder", "linear"];

    private static readonly string[] Kept = [.. Probe, "--cache-features", "disk", "--cache-precision", "float32", "--checkpoint-every", "1", "--resume", "--json"];

    private readonly string _folder = chips.Folder;

    [Fact]
    public async Task Killed_runs_go_on_with_the_features_on_disk_and_end_with_the_bits_of_a_run_without_any()
    {
        (await Eoonnx.RunAsync(_folder, [.. Probe, "--cache-features", "off", "--out", "plain"])).Succeeded();
        var random = new Random(5);
        for (var kill = 0; kill < 4; kill++)
        {
            using var process = Eoonnx.Start(_folder, [.. Kept, "--cache-folder", "features", "--out", "killed"]);
            await process.StandardError.ReadLineAsync();   // it has begun
            await Task.Delay(random.Next(200, 1500));
            process.Kill();
            await process.WaitForExitAsync();
        }

        await TrainAsync("killed", [.. Kept, "--cache-folder", "features"]);
        SameTensors("plain", "killed");

        // Another run, of another length and head, finds all positions that the first one saw.
        using var later = await TrainAsync("later", [.. Kept.Select((argument, i) => i == 0 ? argument : Kept[i - 1] switch { "--decoder" => "conv", "--epochs" => "2", _ => argument }), "--decoder-channels", "8", "--cache-folder", "features"]);
        var features = later.RootElement.GetProperty("report").GetProperty("features");
        Assert.Equal(0, features.GetProperty("computed").GetInt32());
        Assert.Equal(features.GetProperty("records").GetInt32(), features.GetProperty("reused").GetInt32());

        (await Eoonnx.RunAsync(_folder, "merge", "killed/model.onnx", "--adapter", "killed/adapter.safetensors", "--out", "merged.onnx")).Succeeded();
        using var adapted = await EvaluateAsync("killed/model.onnx", "--adapter", "killed/adapter.safetensors");
        using var merged = await EvaluateAsync("merged.onnx");
        Assert.Equal(adapted.RootElement.GetProperty("crossEntropy").GetDouble(), merged.RootElement.GetProperty("crossEntropy").GetDouble(), 1e-4);
    }

    [Theory]
    [InlineData("Features cannot be kept: training begins at the first product of the model", "--method", "full", "--cache-features", "memory")]
    [InlineData("leave that out with --no-augmentation", "--data", "large", "--cache-features", "disk")]
    public async Task Features_that_cannot_be_kept_are_refused_with_the_way_out(string expected, params string[] more)
    {
        string[] arguments = [.. Probe.Where((argument, i) => !more.Contains(argument) && (i == 0 || !more.Contains(Probe[i - 1]))), .. more, "--out", "refused"];
        var run = await Eoonnx.RunAsync(_folder, arguments);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Contains("--cache-features off", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_stays_within_its_memory_and_the_plan_foretells_the_peak()
    {
        string[] arguments = ["train-adapter", "--model", "deep.onnx", "--data", "chips", "--classes", "unburned,burned", "--batch", "16", "--epochs", "1", "--threads", "1", "--decoder", "linear", "--json"];
        var (free, peak, recompute) = Memory(await TrainAsync("free", arguments));
        Assert.Equal("nothing", recompute);
        Assert.InRange(peak / (double)free, 0.8, 1.15);

        var budget = (long)(0.8 * free) >> 20;
        var (planned, measured, again) = Memory(await TrainAsync("tight", [.. arguments, "--memory", string.Create(CultureInfo.InvariantCulture, $"{budget}MB")]));
        Assert.NotEqual("nothing", again);
        Assert.InRange(planned, 1, budget << 20);
        Assert.InRange(measured, 1, budget << 20);
        Assert.InRange(measured / (double)planned, 0.8, 1.15);
    }

    [Fact]
    public async Task An_adapter_trained_on_a_base_in_8_bits_belongs_to_the_float32_model_and_is_about_as_good()
    {
        string[] arguments =
        [
            "train-adapter", "--model", Path.Combine(AppContext.BaseDirectory, "models", "demo-encoder.onnx"), "--data", "chips", "--classes", "unburned,burned", "--targets", "attn.qkv:q,v", "--targets", "mlp.fc1", "--targets", "mlp.fc2",
            "--lr", "3e-3", "--epochs", "3", "--batch", "4", "--seed", "1", "--threads", "1", "--json",
        ];
        using var wide = await TrainAsync("float32", arguments);
        using var narrow = await TrainAsync("int8", [.. arguments, "--base", "int8"]);
        Assert.NotEqual(await File.ReadAllBytesAsync(Path.Combine(_folder, "float32", "adapter.safetensors")), await File.ReadAllBytesAsync(Path.Combine(_folder, "int8", "adapter.safetensors")));

        // The adapter is one of the float32 model: evaluated with either run's model, or merged, it gives what the run reported.
        var (expected, trained) = (KeptIoU(wide), KeptIoU(narrow));
        using var own = await EvaluateAsync("int8/model.onnx", "--adapter", "int8/adapter.safetensors");
        using var other = await EvaluateAsync("float32/model.onnx", "--adapter", "int8/adapter.safetensors");
        Assert.Equal(MeanIoU(own), MeanIoU(other));
        (await Eoonnx.RunAsync(_folder, "merge", "float32/model.onnx", "--adapter", "int8/adapter.safetensors", "--out", "narrow.onnx")).Succeeded();
        using var merged = await EvaluateAsync("narrow.onnx");
        Assert.Equal(MeanIoU(other), MeanIoU(merged), 5e-3);
        TestContext.Current.TestOutputHelper!.WriteLine(FormattableString.Invariant($"mIoU of held-out chips: float32 {expected:F4}, 8 bits {trained:F4}"));
        Assert.InRange(trained - expected, -0.05, 0.05);
        Assert.InRange(trained, 0.55, 1);
    }

    private static double KeptIoU(JsonDocument run) => run.RootElement.GetProperty("report").GetProperty("epochs").EnumerateArray()
        .Single(epoch => epoch.GetProperty("epoch").GetInt32() == run.RootElement.GetProperty("report").GetProperty("keptEpoch").GetInt32()).GetProperty("validation").GetProperty("metrics").GetProperty("mIoU").GetDouble();

    private static double MeanIoU(JsonDocument evaluation) => evaluation.RootElement.GetProperty("metrics").GetProperty("mIoU").GetDouble();

    private static (long Planned, long Measured, string Recompute) Memory(JsonDocument run)
    {
        using (run)
        {
            var memory = run.RootElement.GetProperty("report").GetProperty("memory");
            var plan = memory.GetProperty("plan");
            return (plan.GetProperty("estimatedPeak").GetInt64(), memory.GetProperty("measuredPeak").GetInt64(), plan.GetProperty("recompute").GetString()!);
        }
    }

    private async Task<JsonDocument> TrainAsync(string folder, string[] arguments) => JsonDocument.Parse((await Eoonnx.RunAsync(_folder, [.. arguments, "--out", folder])).Succeeded().Output);

    private async Task<JsonDocument> EvaluateAsync(params string[] model) =>
        JsonDocument.Parse((await Eoonnx.RunAsync(_folder, ["evaluate", .. model, "--data", "chips", "--json"])).Succeeded().Output);

    private void SameTensors(string expected, string actual)
    {
        var (one, other) = (SafetensorsFile.Open(Path.Combine(_folder, expected, "adapter.safetensors")), SafetensorsFile.Open(Path.Combine(_folder, actual, "adapter.safetensors")));
        Assert.Equal(one.Tensors.Keys, other.Tensors.Keys);
        Assert.All(one.Tensors, tensor => Assert.Equal(tensor.Value.Bytes.ToArray(), other.Tensors[tensor.Key].Bytes.ToArray()));
    }

    /// <summary>Chips of invented scenes, of the tile's size and larger, and encoders with random weights.</summary>
    public sealed class Chips : IAsyncLifetime
    {
        public string Folder { get; } = Directory.CreateTempSubdirectory("eoonnx-budget-").FullName;

        public async ValueTask InitializeAsync()
        {
            (await Eoonnx.RunAsync(Folder, "synthesize", "--out", "chips", "--seeds", string.Join(',', Enumerable.Range(1, 22)), "--size", "64")).Succeeded();
            (await Eoonnx.RunAsync(Folder, "synthesize", "--out", "large", "--seeds", "1,2", "--size", "128")).Succeeded();
            TestEncoder.Build(bands: 6, tile: 64).Save(Path.Combine(Folder, "encoder.onnx"));
            TestEncoder.Build(bands: 6, tile: 64, patch: 4, width: 192, depth: 8, heads: 4).Save(Path.Combine(Folder, "deep.onnx"));
        }

        public ValueTask DisposeAsync()
        {
            Directory.Delete(Folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
