namespace EoOnnx.Cli;

/// <summary>What <c>eoonnx batch</c> says before a model is loaded.</summary>
public sealed class BatchVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-batch-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(ExitCode.Failed, "There is no scene in")]
    [InlineData(ExitCode.Failed, "Searched for *.png", "--pattern", "*.png")]
    [InlineData(ExitCode.Usage, "'3/2' is no shard", "--shard", "3/2")]
    [InlineData(ExitCode.Usage, "'map.tif' is no pattern", "--name", "map.tif")]
    [InlineData(ExitCode.Usage, "must be 1 to 256", "--jobs", "0")]
    [InlineData(ExitCode.Failed, "without --retry-failed", "--retry-failed", "--pattern", "*.onnx")]
    [InlineData(ExitCode.Usage, "--wait belongs to --queue", "--wait")]
    [InlineData(ExitCode.Usage, "--threads has no meaning with --queue", "--queue", "postgres://eo@host/maps", "--threads", "2")]
    [InlineData(ExitCode.Usage, "address of the queue is not understood", "--queue", "mysql://eo:secret@host/maps")]
    public async Task An_empty_folder_and_wrong_options_are_told_in_one_line(int exitCode, string expected, params string[] options)
    {
        var model = Path.Combine(_folder, "model.onnx");
        File.WriteAllText(model, "");
        var run = await CommandLine.RunAsync(["batch", _folder, "--model", model, "--out-dir", Path.Combine(_folder, "maps"), .. options]);
        Assert.Contains(expected, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Equal([model], Directory.GetFileSystemEntries(_folder));
    }
}
