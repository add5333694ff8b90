using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Tests;
using EoOnnx.Training.Adapters;

namespace EoOnnx.Training.Tests.Adapters;

public sealed class AdapterFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-adapter-").FullName;

    private static readonly string Golden = Path.Combine(SharedData.Golden, "training", "peft_adapter");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_PEFT_folder_is_read_under_the_names_of_graph_inputs()
    {
        var adapter = AdapterFile.Open(SharedData.Require(Golden));
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden, "adapter_config.json")));
        var (rank, alpha) = (config.RootElement.GetProperty("r").GetInt32(), config.RootElement.GetProperty("lora_alpha").GetDouble());
        Assert.Equal(alpha, adapter.LoraAlpha);
        Assert.All(config.RootElement.GetProperty("modules_to_save").EnumerateArray(), module => Assert.Contains($"{module.GetString()}.bias", adapter.Tensors.Keys));
        var updates = adapter.Tensors.Where(tensor => tensor.Key.EndsWith(".lora_A.weight", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(updates);
        Assert.All(updates, update => Assert.Equal(rank, update.Value.Shape[0]));
        Assert.All(updates, update => Assert.StartsWith("blocks.", update.Key, StringComparison.Ordinal));
        Assert.All(updates, update => Assert.Equal(alpha / rank, adapter.ScaleOf(update.Key.Replace("lora_A", "lora_B", StringComparison.Ordinal))));
    }

    [Fact]
    public void A_PEFT_folder_written_back_has_the_same_tensors_byte_for_byte_and_the_same_meaning()
    {
        PeftFolder.Write(AdapterFile.Open(SharedData.Require(Golden)), _folder);
        Assert.Equal(File.ReadAllBytes(Path.Combine(Golden, "adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(_folder, "adapter_model.safetensors")));
        using var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden, "adapter_config.json")));
        using var actual = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "adapter_config.json")));
        foreach (var property in new[] { "peft_type", "r", "lora_alpha", "modules_to_save", "use_rslora", "use_dora", "bias", "rank_pattern", "alpha_pattern", "inference_mode" })
        {
            Assert.True(JsonElement.DeepEquals(expected.RootElement.GetProperty(property), actual.RootElement.GetProperty(property)), property);
        }

        static IEnumerable<string?> Targets(JsonDocument config) => config.RootElement.GetProperty("target_modules").EnumerateArray().Select(name => name.GetString()).Order(StringComparer.Ordinal);
        Assert.Equal(Targets(expected), Targets(actual));
    }

    [Fact]
    public void An_adapter_file_keeps_everything_and_equal_adapters_give_equal_bytes()
    {
        var adapter = Small() with { BaseSha256 = "ab", BaseName = "dofa", RecipeJson = """{"epochs":3}""", MetricsJson = """{"mIoU":0.5}""", UseRslora = true,
            Manifest = new ModelManifest { Name = "fire", Family = "dofa", Task = ModelTask.Segmentation } };
        var (first, second) = (Path.Combine(_folder, "a.safetensors"), Path.Combine(_folder, "b.safetensors"));
        adapter.Write(first);
        var read = AdapterFile.Open(first);
        read.Write(second);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        Assert.Equal((adapter.LoraAlpha, "ab", "dofa", adapter.RecipeJson, adapter.MetricsJson, true, "fire"), (read.LoraAlpha, read.BaseSha256, read.BaseName, read.RecipeJson, read.MetricsJson, read.UseRslora, read.Manifest?.Name));
        Assert.Equal(["base_model.model.blocks.0.attn.qkv.lora_A.weight", "base_model.model.blocks.0.attn.qkv.lora_B.weight", "head.weight"], SafetensorsFile.Open(first).Tensors.Keys);
    }

    [Theory, InlineData(false, 8.0 / 2), InlineData(true, 5.656854249492381)]
    public void The_scale_is_multiplied_into_B_only(bool rslora, double scale)
    {
        var adapter = Small() with { UseRslora = rslora };
        var path = Path.Combine(_folder, "a.onnx_adapter");
        adapter.ToOnnxAdapter().Write(path);
        var written = OnnxAdapterFile.Open(path).Tensors;
        Assert.Equal(adapter.Tensors.Keys.Order(StringComparer.Ordinal), written.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([.. new float[] { 1, 2, 3, 4, 5, 6 }.Select(value => (float)(value * scale))], written["blocks.0.attn.qkv.lora_B.weight"].ToSingles());
        Assert.Equal([1, 2], written["blocks.0.attn.qkv.lora_A.weight"].ToSingles());
        Assert.Equal([7], written["head.weight"].ToSingles());
    }

    [Fact]
    public void Layers_with_their_own_alpha_and_rank_survive_the_PEFT_folder()
    {
        var tensors = new Dictionary<string, TensorData>(Small().Tensors) { ["blocks.1.mlp.fc1.lora_A.weight"] = TensorData.FromValues<float>([1, 1], [1]), ["blocks.1.mlp.fc1.lora_B.weight"] = TensorData.FromValues<float>([1, 1], [3]) };
        PeftFolder.Write(Small() with { Tensors = tensors }, _folder);
        var read = AdapterFile.Open(_folder);
        Assert.Equal((4, 8), (read.ScaleOf("blocks.0.attn.qkv.lora_B.weight"), read.ScaleOf("blocks.1.mlp.fc1.lora_B.weight")));
        File.WriteAllText(Path.Combine(_folder, "adapter_config.json"), """{"peft_type":"LORA","r":2,"lora_alpha":8,"rank_pattern":{"fc1":1},"alpha_pattern":{"blocks.1.mlp.fc1":2}}""");
        Assert.Equal([3f * 2], AdapterFile.Open(_folder).ToOnnxAdapter().Tensors["blocks.1.mlp.fc1.lora_B.weight"].ToSingles());
    }

    [Theory]
    [InlineData("""{"peft_type":"LOHA"}""", "'LOHA'")]
    [InlineData("""{"peft_type":"LORA","r":16}""", "rank 2")]
    [InlineData("""[]""", "no JSON object")]
    [InlineData("""{"peft_type":""", "not JSON")]
    [InlineData("""{"peft_type":"LORA","r":2,"alpha_pattern":{"(?<=a)b":1}}""", "(?<=a)b")]
    public void A_configuration_that_does_not_fit_is_refused(string config, string expected)
    {
        PeftFolder.Write(Small(), _folder);
        File.WriteAllText(Path.Combine(_folder, "adapter_config.json"), config);
        Assert.Contains(expected, Assert.ThrowsAny<EoOnnxException>(() => AdapterFile.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_LoRA_tensor_without_its_partner_or_of_another_rank_is_refused_by_name()
    {
        var path = Path.Combine(_folder, "a.safetensors");
        var small = Small().Tensors;
        (Small() with { Tensors = small.Where(tensor => !tensor.Key.Contains("lora_A", StringComparison.Ordinal)).ToDictionary() }).Write(path);
        Assert.Contains("'blocks.0.attn.qkv.lora_A.weight'", Assert.Throws<AdapterException>(() => AdapterFile.Open(path)).Message, StringComparison.Ordinal);
        (Small() with { Tensors = new Dictionary<string, TensorData>(small) { ["blocks.0.attn.qkv.lora_A.weight"] = TensorData.FromValues<float>([3, 1], new float[3]) } }).Write(path);
        Assert.Contains("[3, 1]", Assert.Throws<AdapterException>(() => AdapterFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_base_is_refused_with_both_names()
    {
        var adapter = Small() with { BaseSha256 = "aaaa", BaseName = "dofa-base" };
        adapter.RequireBase("AAAA", "dofa-base");
        var message = Assert.Throws<AdapterException>(() => adapter.RequireBase("bbbb", "prithvi")).Message;
        Assert.All(new[] { "dofa-base", "prithvi", "aaaa", "bbbb" }, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    private static AdapterFile Small() => new()
    {
        LoraAlpha = 8,
        Tensors = new Dictionary<string, TensorData>
        {
            ["blocks.0.attn.qkv.lora_A.weight"] = TensorData.FromValues<float>([2, 1], [1, 2]),
            ["blocks.0.attn.qkv.lora_B.weight"] = TensorData.FromValues<float>([3, 2], [1, 2, 3, 4, 5, 6]),
            ["head.weight"] = TensorData.FromValues<float>([1], [7]),
        },
    };
}
