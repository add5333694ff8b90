using System.Text.Json;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

public sealed class InspectCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Real_weights_are_told_with_their_family_as_JSON()
    {
        var path = SharedData.Require(Path.Combine(SharedData.Data, "presto", "default_model.pt"));
        var run = (await Eoonnx.RunAsync(_folder, "inspect", path, "--json")).Succeeded();
        using var document = JsonDocument.Parse(run.Output);
        var model = document.RootElement.GetProperty("checkpoint").GetProperty("model");
        Assert.Equal("presto", model.GetProperty("family").GetString());
        Assert.True(model.GetProperty("isOfficialSize").GetBoolean());
        Assert.NotEmpty(document.RootElement.GetProperty("missing").EnumerateArray());
    }

    [Fact]
    public async Task A_pickle_that_would_run_a_command_runs_nothing_and_exits_1()
    {
        // cos\nsystem\n(X... touch executed tR. : os.system("touch executed")
        byte[] pickle = [0x80, 2, .. "cos\nsystem\n(X"u8, 14, 0, 0, 0, .. "touch executed"u8, .. "tR."u8];
        await File.WriteAllBytesAsync(Path.Combine(_folder, "weights.pth"), pickle);
        var run = await Eoonnx.RunAsync(_folder, "inspect", "weights.pth");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("it holds an object of os.system instead of a state_dict", run.Error, StringComparison.Ordinal);
        Assert.Equal(["weights.pth"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
    }
}
