namespace EoOnnx.EndToEnd;

/// <summary>Wrong input of each kind: the right exit code, one clear line on standard error, nothing on standard output and no file.</summary>
public sealed class WrongUsageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-usage-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("there is no verb 'infre'", "infre")]
    [InlineData("Required argument 'file' missing", "inspect")]
    [InlineData("File or directory does not exist: 'absent.onnx'", "inspect", "absent.onnx")]
    [InlineData("inspect has no option '--foo'", "inspect", "--foo")]
    [InlineData("Option '--data' is required", "stats")]
    [InlineData("Directory does not exist: 'absent'", "stats", "--data", "absent")]
    [InlineData("'x' is not a whole number", "stats", "--data", ".", "--bands", "1,x")]
    [InlineData("A synthetic scene has 32 to 20000 pixels an edge, not 7", "demo", "--size", "7")]
    [InlineData("The seed 4 was given twice", "synthesize", "--out", "x", "--seeds", "4,4")]
    public async Task A_wrong_command_line_exits_2(string expected, params string[] args) => await RunAsync(2, expected, args);

    [Fact]
    public async Task A_damaged_model_exits_1()
    {
        await File.WriteAllBytesAsync(Path.Combine(_folder, "damaged.onnx"), [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 1, 2, 3]);
        await RunAsync(1, "damaged.onnx", "inspect", "damaged.onnx");
    }

    [Fact]
    public async Task A_folder_without_chips_exits_1() => await RunAsync(1, "No image in . matches", "stats", "--data", ".");

    private async Task RunAsync(int exitCode, string expected, params string[] args)
    {
        var before = Directory.GetFileSystemEntries(_folder);
        var run = await Eoonnx.RunAsync(_folder, args);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.StartsWith("eoonnx: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
        Assert.Equal(before, Directory.GetFileSystemEntries(_folder));
    }
}
