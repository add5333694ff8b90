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
    public async Task A_PEFT_folder_tells_method_rank_and_targets_of_its_configuration()
    {
        SafetensorsFile.Write(
            Path.Combine(_folder, "adapter_model.safetensors"),
            [
                KeyValuePair.Create("base_model.model.blocks.0.attn.qkv.lora_A.weight", TensorData.FromValues<float>([2, 3], new float[6])),
                KeyValuePair.Create("base_model.model.blocks.0.attn.qkv.lora_B.weight", TensorData.FromValues<float>([9, 2], new float[18])),
            ],
            new Dictionary<string, string> { ["format"] = "pt" });
        await File.WriteAllTextAsync(Path.Combine(_folder, "adapter_config.json"), """{"peft_type":"LORA","r":2,"lora_alpha":16,"target_modules":["qkv"],"revision":null,"rank_pattern":{}}""");

        var inspection = FileInspection.Read(_folder);
        Assert.Equal("adapter (PEFT)", inspection.Kind);
        Assert.Equal(("LORA", "2", "16"), ($"{inspection.Metadata!["peft_type"]}", $"{inspection.Metadata["r"]}", $"{inspection.Metadata["lora_alpha"]}"));
        Assert.Equal(["qkv"], inspection.Metadata["target_modules"]!.AsArray().Select(target => $"{target}"));
        Assert.False(inspection.Metadata.ContainsKey("revision") || inspection.Metadata.ContainsKey("rank_pattern"));

        var run = await CommandLine.RunAsync("inspect", _folder);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("LORA", run.Output, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(_folder, "adapter_config.json"), "[1]");
        Assert.Contains("adapter_config.json is no PEFT configuration", Assert.Throws<FileFormatException>(() => FileInspection.Read(_folder)).Message, StringComparison.Ordinal);
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
