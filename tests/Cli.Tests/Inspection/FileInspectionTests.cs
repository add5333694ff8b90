using EoOnnx.Formats;

namespace EoOnnx.Cli.Inspection;

public sealed class FileInspectionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_safetensors_file_is_listed_with_names_types_shapes_and_metadata()
    {
        var path = Path.Combine(_folder, "weights.safetensors");
        SafetensorsFile.Write(
            path,
            [KeyValuePair.Create("head.weight", TensorData.FromValues<float>([2, 3], new float[6]))],
            new Dictionary<string, string> { ["recipe"] = """{"lr":0.1}""", ["note"] = "plain" });

        var inspection = FileInspection.Read(path);
        Assert.Equal(6, inspection.Parameters);
        Assert.Equal(new TensorSummary("head.weight", ElementType.Float, "[2, 3]"), Assert.Single(inspection.Tensors!));
        Assert.Equal(0.1, inspection.Metadata!["recipe"]!["lr"]!.GetValue<double>());

        var run = await CommandLine.RunAsync("inspect", path);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("head.weight", run.Output, StringComparison.Ordinal);
        Assert.Contains("plain", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_file_exits_1_and_names_itself()
    {
        var path = Path.Combine(_folder, "damaged.safetensors");
        await File.WriteAllBytesAsync(path, [1, 2, 3]);
        var run = await CommandLine.RunAsync("inspect", path);
        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("damaged.safetensors has 3 bytes", run.Error, StringComparison.Ordinal);
    }
}
