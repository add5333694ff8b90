using System.Text.Json;
using EoOnnx.Tests;

namespace EoOnnx.Cli.Inspection;

public sealed class CheckpointInspectionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static IEnumerable<TheoryDataRow<string>> Tasks() => SharedData.Cases("tasks").Select(name => new TheoryDataRow<string>(name));

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Tasks))]
    public async Task A_task_checkpoint_tells_its_backbone_its_decoder_and_what_is_missing(string name)
    {
        var path = Path.Combine(SharedData.Golden, "tasks", name, "task.ckpt");
        var run = await CommandLine.RunAsync("inspect", path);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        using var config = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(SharedData.Golden, "tasks", name, "config.json")));
        Assert.Contains("TerraTorch task (zip)", run.Output, StringComparison.Ordinal);
        Assert.Contains(config.RootElement.GetProperty("model_args").GetProperty("backbone").GetString()!, run.Output, StringComparison.Ordinal);
        Assert.Contains("the statistics of the bands", run.Output, StringComparison.Ordinal);

        var json = await CommandLine.RunAsync("inspect", path, "--json");
        using var document = JsonDocument.Parse(json.Output);
        var checkpoint = document.RootElement.GetProperty("checkpoint");
        Assert.Equal("torchZip", checkpoint.GetProperty("format").GetString());
        Assert.Equal(
            config.RootElement.GetProperty("model_args").GetProperty("backbone").GetString(),
            checkpoint.GetProperty("hyperParameters").GetProperty("model_args").GetProperty("backbone").GetString());
        Assert.True(document.RootElement.GetProperty("parameters").GetInt64() > 0);
    }

    [Fact]
    public async Task A_checkpoint_is_told_by_its_content_whatever_its_name()
    {
        var source = SharedData.Require(Path.Combine(SharedData.Data, "presto", "default_model.pt"));
        var path = Path.Combine(_folder, "weights.bin");
        File.Copy(source, path);
        var run = await CommandLine.RunAsync("inspect", path, "--all");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("PyTorch checkpoint (zip)", run.Output, StringComparison.Ordinal);
        Assert.Contains("presto: presto", run.Output, StringComparison.Ordinal);
        Assert.Contains("encoder.eo_patch_embed.S1.weight", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_nothing_known_exits_1_and_says_what_it_is()
    {
        var path = Path.Combine(_folder, "page.pth");
        await File.WriteAllTextAsync(path, "<!DOCTYPE html><html></html>");
        var run = await CommandLine.RunAsync("inspect", path);
        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("page.pth is not a checkpoint: it is a web page", run.Error, StringComparison.Ordinal);
    }
}
