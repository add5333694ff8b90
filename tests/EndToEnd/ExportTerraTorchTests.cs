using System.Text.Json;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx export terratorch</c> through the real program.</summary>
public sealed class ExportTerraTorchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-terratorch-").FullName;

    public static TheoryData<string> Cases => [.. SharedData.Cases("tasks").DefaultIfEmpty("absent")];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Cases))]
    public async Task A_task_becomes_a_model_that_tells_its_whole_story(string @case)
    {
        var checkpoint = SharedData.Require(Path.Combine(SharedData.Golden, "tasks", @case, "task.ckpt"));
        var exported = (await Eoonnx.RunAsync(_folder, "export", "terratorch", checkpoint, "--out", "t.onnx", "--json")).Succeeded();
        using var report = JsonDocument.Parse(exported.Output);
        var adapter = report.RootElement.TryGetProperty("adapter", out var file) ? file.GetString() : null;
        Assert.Equal(adapter is null ? ["t.onnx"] : ["t.onnx", "t.onnx_adapter", "t.safetensors"],
            Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        using var inspected = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "t.onnx", "--json")).Succeeded().Output);
        var manifest = inspected.RootElement.GetProperty("manifest");
        Assert.True(manifest.GetProperty("bands").GetArrayLength() > 0);
        Assert.True(manifest.GetProperty("padding").GetProperty("multiple").GetInt32() == 2 * manifest.GetProperty("patch").GetInt32());
        Assert.Matches("^[0-9a-f]{64}$", manifest.GetProperty("sourceSha256").GetString());
        if (adapter is not null)
        {
            (await Eoonnx.RunAsync(_folder, "export", "terratorch", checkpoint, "--out", "merged.onnx", "--merge")).Succeeded();
            Assert.False(File.Exists(Path.Combine(_folder, "merged.safetensors")));
        }
    }

    [Fact]
    public async Task Weights_that_are_no_task_are_refused_and_nothing_is_written()
    {
        var path = Path.Combine(_folder, "x.ckpt");
        await File.WriteAllTextAsync(path, "no checkpoint", TestContext.Current.CancellationToken);
        var run = await Eoonnx.RunAsync(_folder, "export", "terratorch", path, "--out", "t.onnx");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is not a checkpoint", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "t.onnx")));
    }
}
