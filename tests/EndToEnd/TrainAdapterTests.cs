using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>Chips to adapter to merged model through the real program; kills and Ctrl-C on the way.</summary>
public sealed class TrainAdapterTests(TrainAdapterTests.Chips chips) : IClassFixture<TrainAdapterTests.Chips>
{
    private static readonly string[] Arguments =
        ["--model", "encoder.onnx", "--data", "demo/train", "--classes", "unburned,burned", "--batch", "4", "--seed", "3", "--threads", "1", "--decoder", "linear", "--rank", "4"];

    private readonly string _folder = chips.Folder;

    [Fact]
    public async Task Train_evaluate_and_merge_agree_on_real_files()
    {
        var train = (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--epochs", "3", "--out", "run", "--json"])).Succeeded();
        using var report = JsonDocument.Parse(train.Output);
        Assert.Equal(3, report.RootElement.GetProperty("report").GetProperty("epochs").GetArrayLength());
        Assert.Contains("\"stage\":\"training\"", train.Error, StringComparison.Ordinal);
        Assert.Equal(["adapter.onnx_adapter", "adapter.safetensors", "checkpoint.safetensors", "model.onnx", "report.html", "report.json", "split.geojson"], Files("run"));

        (await Eoonnx.RunAsync(_folder, "merge", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--out", "merged.onnx")).Succeeded();
        using var adapted = await EvaluateAsync("run/model.onnx", "--adapter", "run/adapter.safetensors");
        using var merged = await EvaluateAsync("merged.onnx");
        Assert.Equal(adapted.RootElement.GetProperty("metrics").GetProperty("mIoU").GetDouble(), merged.RootElement.GetProperty("metrics").GetProperty("mIoU").GetDouble(), 1e-3);
        Assert.Equal(adapted.RootElement.GetProperty("crossEntropy").GetDouble(), merged.RootElement.GetProperty("crossEntropy").GetDouble(), 1e-4);

        (await Eoonnx.RunAsync(_folder, "merge", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--deepness", "--out", "deepness-merged.onnx")).Succeeded();
        (await Eoonnx.RunAsync(_folder, "deepness", "merged.onnx", "--out", "for-qgis.onnx")).Succeeded();
        var forQgis = OnnxModel.Load(Path.Combine(_folder, "for-qgis.onnx"));
        Assert.Empty(DeepnessRules.Check(forQgis));
        Assert.True(forQgis.Opsets[""] <= 17);
        Assert.Equal("\"Segmentor\"", forQgis.Metadata["model_type"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "for-qgis.onnx")), File.ReadAllBytes(Path.Combine(_folder, "deepness-merged.onnx")));

        (await Eoonnx.RunAsync(_folder, "merge", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--encoder-of", "encoder.onnx", "--out", "tuned.onnx")).Succeeded();
        (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments[2..], "--model", "tuned.onnx", "--method", "linear-probe", "--epochs", "1", "--out", "probe"])).Succeeded();
    }

    [Theory]
    [InlineData("adapter", "--variant", "houlsby", "--bottleneck", "4")]
    [InlineData("prompt", "--prompts", "3")]
    public async Task A_method_that_adds_parts_to_the_encoder_trains_is_evaluated_and_merged(string method, params string[] more)
    {
        (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments[..^2], "--method", method, .. more, "--epochs", "2", "--out", method])).Succeeded();
        (await Eoonnx.RunAsync(_folder, "merge", $"{method}/model.onnx", "--adapter", $"{method}/adapter.safetensors", "--out", $"{method}.onnx")).Succeeded();
        using var adapted = await EvaluateAsync($"{method}/model.onnx", "--adapter", $"{method}/adapter.safetensors");
        using var merged = await EvaluateAsync($"{method}.onnx");
        Assert.Equal(adapted.RootElement.GetProperty("crossEntropy").GetDouble(), merged.RootElement.GetProperty("crossEntropy").GetDouble(), 1e-4);
        Assert.Equal(adapted.RootElement.GetProperty("calibration").GetProperty("expectedError").GetDouble(), merged.RootElement.GetProperty("calibration").GetProperty("expectedError").GetDouble(), 1e-3);
    }

    [Fact]
    public async Task An_adapter_is_compared_compressed_converted_and_refused_by_another_base()
    {
        (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--epochs", "2", "--out", "base"])).Succeeded();
        using var compressed = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "adapter", "compress", "base/adapter.safetensors", "--rank", "2", "--out", "small.safetensors", "--json")).Succeeded().Output);
        var layers = compressed.RootElement.GetProperty("layers").EnumerateArray().ToList();
        Assert.NotEmpty(layers);
        Assert.All(layers, layer => Assert.Equal(2, layer.GetProperty("to").GetInt32()));
        using var difference = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "adapter", "diff", "base/adapter.safetensors", "small.safetensors", "--json")).Succeeded().Output);
        foreach (var (layer, update) in layers.Zip(difference.RootElement.GetProperty("updates").EnumerateArray()))
        {
            Assert.Equal(layer.GetProperty("error").GetDouble(), update.GetProperty("distance").GetDouble() / Math.Max(1e-30, update.GetProperty("first").GetDouble()), 1e-3);
        }

        (await Eoonnx.RunAsync(_folder, "adapter", "convert", "base/adapter.safetensors", "--out", "base-peft")).Succeeded();
        (await Eoonnx.RunAsync(_folder, "adapter", "convert", "base-peft", "--out", "base-again.onnx_adapter")).Succeeded();
        using var whole = await EvaluateAsync("base/model.onnx", "--adapter", "base/adapter.safetensors");
        using var again = await EvaluateAsync("base/model.onnx", "--adapter", "base-again.onnx_adapter");
        Assert.Equal(whole.RootElement.GetProperty("crossEntropy").GetDouble(), again.RootElement.GetProperty("crossEntropy").GetDouble(), 1e-5);
        using var small = await EvaluateAsync("base/model.onnx", "--adapter", "small.safetensors");

        TestEncoder.Build(bands: 6, tile: 64, seed: 2).Save(Path.Combine(_folder, "other.onnx"));
        (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments[2..], "--model", "other.onnx", "--epochs", "1", "--out", "other"])).Succeeded();
        var refused = await Eoonnx.RunAsync(_folder, "evaluate", "other/model.onnx", "--adapter", "base/adapter.safetensors", "--data", "demo/train");
        Assert.Equal(1, refused.ExitCode);
        Assert.Matches("was trained on the base tiny with weights [0-9a-f]{64}; other/model.onnx is tiny with weights [0-9a-f]{64}", refused.Error);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_told_before_the_first_step()
    {
        var run = await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--out", "/proc/eoonnx/run"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("/proc/eoonnx", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Progress_is_plain_lines_in_logs_and_events_with_json()
    {
        var lines = (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--epochs", "1", "--out", "lines"])).Succeeded();
        Assert.DoesNotContain('\u001b', lines.Error);
        Assert.DoesNotContain('\r', lines.Error);
        Assert.Contains("epoch 1 of 1", lines.Error, StringComparison.Ordinal);
        Assert.Contains("expected calibration error", lines.Output, StringComparison.Ordinal);
        var events = (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--epochs", "1", "--out", "events", "--json"])).Succeeded();
        foreach (var line in events.Error.TrimEnd().Split('\n'))
        {
            using var json = JsonDocument.Parse(line);
            Assert.Equal("progress", json.RootElement.GetProperty("event").GetString());
        }
    }

    [Fact]
    public async Task A_limit_that_no_file_of_the_run_fits_is_told_before_the_first_step()
    {
        // A limit on file sizes stands for a full disk: it needs no right to mount. The runtime itself maps a file unless it is told not to.
        var run = await Eoonnx.RunLimitedAsync(_folder, "ulimit -f 16", ["train-adapter", .. Arguments, "--out", "full"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("The folder full cannot take the run", run.Error, StringComparison.Ordinal);
        Assert.Contains("MB there; free some space", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch", run.Error, StringComparison.Ordinal);
        Assert.Empty(Files("full"));
    }

    [Theory]
    [InlineData("The folder {0} cannot take the run", "run", "--out", "{0}")]
    [InlineData("The folder {1}/{0} cannot take the features", "cache", "--out", "read-only-cache-run", "--method", "linear-probe", "--no-augmentation", "--cache-features", "disk", "--cache-folder", "{0}")]
    public async Task A_folder_that_may_not_be_written_is_told_before_the_first_step(string message, string name, params string[] arguments)
    {
        if (OperatingSystem.IsWindows())
        {
            throw Xunit.Sdk.SkipException.ForSkip("Windows keeps permissions of folders otherwise.");
        }

        var folder = $"read-only-{name}";
        Directory.CreateDirectory(Path.Combine(_folder, folder));
        File.SetUnixFileMode(Path.Combine(_folder, folder), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var run = await Eoonnx.RunWithoutPrivilegesAsync(_folder, ["train-adapter", .. Arguments, .. arguments.Select(argument => string.Format(CultureInfo.InvariantCulture, argument, folder))]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(string.Format(CultureInfo.InvariantCulture, message, folder, _folder), run.Error, StringComparison.Ordinal);
        Assert.Contains("denied", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_folder, folder)));
    }

    [Fact]
    public async Task A_disk_that_takes_no_feature_is_told_before_the_first_step()
    {
        // Two KiB a file: too few for the features of a sample.
        var run = await Eoonnx.RunLimitedAsync(_folder, "ulimit -f 2", ["train-adapter", .. Arguments, "--out", "full-cache-run", "--method", "linear-probe", "--no-augmentation", "--cache-features", "disk", "--cache-folder", "full-cache"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("full-cache cannot take the features", run.Error, StringComparison.Ordinal);
        Assert.Contains("--cache-folder", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "full-cache"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public Task A_run_that_is_killed_again_and_again_ends_with_the_bits_of_an_undisturbed_one() => KillAsync("one-cycle", ["train-adapter", .. Arguments, "--epochs", "8", "--schedule", "one-cycle", "--keep", "last"]);

    [Fact]
    public async Task So_does_one_with_an_average_a_plateau_accumulation_dropout_and_batch_statistics()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "robust.yaml"), """
            model: encoder.onnx
            data: {folder: demo/train, classes: [unburned, burned]}
            method: {name: lora, rank: 4, dropout: 0.2}
            decoder: {name: unet, channels: [16, 8, 8, 8]}
            optimizer: {learningRate: 0.02, schedule: plateau, schedulePatience: 0, gamma: 0.5, averageDecay: 0.9, accumulation: 2}
            run: {epochs: 10, batch: 3, seed: 3, threads: 1}
            """);
        await KillAsync("robust", ["train-adapter", "robust.yaml"]);
        var tensors = SafetensorsFile.Open(Path.Combine(_folder, "robust-whole", "checkpoint.safetensors")).Tensors.Keys.ToList();
        Assert.Contains(tensors, name => name.Contains("running_var", StringComparison.Ordinal));
        Assert.Contains(tensors, name => name.Contains("dropout.step", StringComparison.Ordinal));
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "robust-killed", "report.json")));
        Assert.True(report.RootElement.GetProperty("epochs").EnumerateArray().Select(epoch => epoch.GetProperty("learningRate").GetDouble()).Distinct().Count() > 1, "the plateau was never reached");
    }

    /// <summary>Ten kills at random moments, and the bits of a run without any.</summary>
    private async Task KillAsync(string name, string[] run)
    {
        string[] arguments = [.. run, "--checkpoint-every", "1", "--resume"];
        (await Eoonnx.RunAsync(_folder, [.. arguments, "--out", $"{name}-whole"])).Succeeded();
        var random = new Random(7);
        for (var kill = 0; kill < 10; kill++)
        {
            using var process = Eoonnx.Start(_folder, [.. arguments, "--out", $"{name}-killed", "--json"]);
            await process.StandardError.ReadLineAsync();   // it has begun
            await Task.Delay(random.Next(20, 700));
            process.Kill();
            await process.WaitForExitAsync();
        }

        (await Eoonnx.RunAsync(_folder, [.. arguments, "--out", $"{name}-killed"])).Succeeded();
        Assert.Equal(Hash($"{name}-whole"), Hash($"{name}-killed"));
        Assert.Equal(Files($"{name}-whole"), Files($"{name}-killed"));
    }

    [Fact]
    public async Task Control_C_writes_the_best_so_far_and_exits_130()
    {
        using var process = Eoonnx.Start(_folder, ["train-adapter", .. Arguments, "--epochs", "100000", "--out", "stopped", "--json"]);
        while (await process.StandardError.ReadLineAsync() is { } line && !line.Contains("epoch 2", StringComparison.Ordinal))
        {
        }

        var rest = process.StandardError.ReadToEndAsync();
        using (var signal = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            await signal.WaitForExitAsync();
        }

        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        using var report = JsonDocument.Parse(output);
        Assert.True(report.RootElement.GetProperty("report").GetProperty("interrupted").GetBoolean());
        Assert.True(report.RootElement.GetProperty("report").GetProperty("bestEpoch").GetInt32() >= 1);
        Assert.Equal(["adapter.onnx_adapter", "adapter.safetensors", "checkpoint.safetensors", "model.onnx", "report.html", "report.json", "split.geojson"], Files("stopped"));
        Assert.DoesNotContain("\"event\":\"error\"", await rest, StringComparison.Ordinal);
        using var evaluation = await EvaluateAsync("stopped/model.onnx", "--adapter", "stopped/adapter.safetensors");
    }

    [Theory]
    [InlineData(2, "Did you mean 'linear-probe'?", "--method", "linear-prob")]
    [InlineData(2, "LoRA rank must be at least 1", "--rank", "0")]
    [InlineData(2, "no whole number", "--classes", "a=1,b=x")]
    [InlineData(1, "hits no linear layer", "--targets", "attention")]
    [InlineData(1, "UNetDecoder has no argument 'stages'", "--decoder", "unet", "--decoder-stages", "2")]
    [InlineData(1, "The neck 'Reshape' is not supported; supported are", "--neck", "{name: Reshape}")]
    [InlineData(2, "expected a decoder and a weight such as fcn=0.4", "--auxiliary", "fcn")]
    [InlineData(2, "needs the epochs after which the rate falls", "--schedule", "multi-step")]
    [InlineData(2, "optimizer.gamma belongs to the schedule step or multi-step", "--lr-gamma", "0.5")]
    [InlineData(2, "over 0 and at most 1; 0.65 to 0.9 is usual", "--layer-decay", "2")]
    [InlineData(2, "must be over 0 and under 1; 0.99", "--average-decay", "1")]
    [InlineData(1, "There is no chip 'nowhere' to hold out", "--hold-out", "nowhere")]
    [InlineData(1, "Choose with --bands", "--bands", "1,2")]
    [InlineData(1, "expected 5, 7", "--classes", "a=5,b=7")]
    public async Task Wrong_input_is_refused_in_one_line_before_anything_is_written(int exitCode, string expected, params string[] more)
    {
        var run = await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments.Where((_, i) => !(i % 2 == 0 && more.Contains(Arguments[i])) && !(i % 2 == 1 && more.Contains(Arguments[i - 1]))), .. more, "--out", "refused"]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'), line => line.StartsWith("eoonnx: ", StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(_folder, "refused")));
    }

    [Fact]
    public async Task A_recipe_trains_what_the_same_options_train_and_set_changes_it()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "recipe.yaml"), """
            model: encoder.onnx
            data: {folder: demo/train, classes: [unburned, burned]}
            method: {rank: 4}
            decoder: {name: linear}
            run: {epochs: 9, batch: 4, seed: 3, threads: 1}
            """);
        (await Eoonnx.RunAsync(_folder, "train-adapter", "recipe.yaml", "--set", "run.epochs=1", "--out", "by-recipe")).Succeeded();
        (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--epochs", "1", "--out", "by-options"])).Succeeded();
        Assert.Equal(Hash("by-options"), Hash("by-recipe"));
    }

    [Theory]
    [InlineData("linear"), InlineData("conv", "--decoder-channels", "8", "--decoder-stages", "1"), InlineData("fcn", "--decoder-channels", "8"), InlineData("identity", "--head-arguments", "{channel_list: [8], dropout: 0.1}")]
    [InlineData("upernet", "--decoder-channels", "8", "--decoder-arguments", "{pool_scales: [1, 2]}"), InlineData("unet", "--decoder-channels", "16", "--auxiliary", "linear=0.4")]
    [InlineData("aspp", "--decoder-channels", "8"), InlineData("mlp", "--neck", "{name: SelectIndices, indices: [0, 1]}", "--neck", "{name: ReshapeTokensToImage, remove_cls_token: false}")]
    public async Task Every_decoder_trains_and_its_model_is_evaluated(string decoder, params string[] more)
    {
        string[] basics = [.. Arguments.Where((argument, i) => argument != "--decoder" && (i == 0 || Arguments[i - 1] != "--decoder"))];
        (await Eoonnx.RunAsync(_folder, ["train-adapter", .. basics, "--decoder", decoder, .. more, "--epochs", "1", "--out", decoder])).Succeeded();
        using var evaluation = await EvaluateAsync($"{decoder}/model.onnx", "--adapter", $"{decoder}/adapter.safetensors");
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, decoder, "report.json")));
        var training = report.RootElement.GetProperty("epochs")[0];
        Assert.True(double.IsFinite(training.GetProperty("trainingLoss").GetDouble()));
        Assert.InRange(evaluation.RootElement.GetProperty("metrics").GetProperty("mIoU").GetDouble(), 0.01, 1);
    }

    [Theory]
    [InlineData("plateau", "--lr-patience", "0", "--lr-gamma", "0.5"), InlineData("multi-step", "--lr-milestones", "1,2"), InlineData("exponential"), InlineData("polynomial", "--lr-power", "2")]
    [InlineData("cosine-restarts", "--lr-every", "1", "--layer-decay", "0.75", "--average-decay", "0.9", "--clip-value", "0.5")]
    public async Task Every_schedule_trains_and_lowers_the_rate(string schedule, params string[] more)
    {
        var run = (await Eoonnx.RunAsync(_folder, ["train-adapter", .. Arguments, "--schedule", schedule, .. more, "--lr", "0.01", "--epochs", "3", "--out", schedule, "--json"])).Succeeded();
        using var report = JsonDocument.Parse(run.Output);
        var epochs = report.RootElement.GetProperty("report").GetProperty("epochs").EnumerateArray().ToList();
        Assert.All(epochs, epoch => Assert.InRange(epoch.GetProperty("learningRate").GetDouble(), 0, 0.01));
        Assert.All(epochs, epoch => Assert.True(double.IsFinite(epoch.GetProperty("validation").GetProperty("loss").GetDouble())));
    }

    [Theory]
    [InlineData(2, "Option '--model' is required without a recipe", "--data", "demo/train", "--classes", "a,b")]
    [InlineData(2, "--lr and a recipe were given", "bad.yaml", "--lr", "1")]
    [InlineData(2, "--set changes a recipe, and none was given", "--set", "run.epochs=1")]
    [InlineData(1, "bad.yaml:2:1: there is no setting 'dat'. Did you mean 'data'?", "bad.yaml")]
    public async Task A_wrong_recipe_is_refused_in_one_line(int exitCode, string expected, params string[] arguments)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "bad.yaml"), "model: encoder.onnx\ndat: {}\n");
        var run = await Eoonnx.RunAsync(_folder, ["train-adapter", .. arguments, "--out", "refused"]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.StartsWith($"eoonnx: {expected}", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "refused")));
    }

    private async Task<JsonDocument> EvaluateAsync(params string[] model) =>
        JsonDocument.Parse((await Eoonnx.RunAsync(_folder, ["evaluate", .. model, "--data", "demo/train", "--json"])).Succeeded().Output);

    private List<string?> Files(string folder) => [.. Directory.EnumerateFileSystemEntries(Path.Combine(_folder, folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal)];

    private string Hash(string folder) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(_folder, folder, "adapter.safetensors"))));

    /// <summary>Chips of an invented scene and an encoder with random weights.</summary>
    public sealed class Chips : IAsyncLifetime
    {
        public string Folder { get; } = Directory.CreateTempSubdirectory("eoonnx-train-").FullName;

        public async ValueTask InitializeAsync()
        {
            (await Eoonnx.RunAsync(Folder, "demo", "--out", "demo", "--size", "192")).Succeeded();
            TestEncoder.Build(bands: 6, tile: 64).Save(Path.Combine(Folder, "encoder.onnx"));
        }

        public ValueTask DisposeAsync()
        {
            Directory.Delete(Folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
