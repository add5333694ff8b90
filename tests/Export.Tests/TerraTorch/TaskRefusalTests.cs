using System.Text.Json.Nodes;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.TerraTorch;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.TerraTorch;

/// <summary>Tasks that are not supported, and adapters that are damaged.</summary>
public sealed class TaskRefusalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-task-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Weights_without_hyper_parameters_are_no_task()
    {
        var path = Path.Combine(_folder, "weights.safetensors");
        SafetensorsFile.Write(path, [KeyValuePair.Create("model.encoder.cls_token", RandomTensors.Constant([1, 1, 8], 0))], new Dictionary<string, string>());
        var refusal = Assert.Throws<ExportException>(() => TerraTorchExport.FromCheckpoint(path));
        Assert.Contains("no hyper_parameters", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"task": "segmentation"}""", "'model_args'")]
    [InlineData("""{"task": "segmentation", "model_args": {}, "model_factory": "SMPModelFactory"}""", "supported are EncoderDecoderFactory")]
    [InlineData("""{"task": "object_detection", "model_args": {}}""", "supported are segmentation")]
    [InlineData("""{"model_args": {}}""", "does not say what it predicts")]
    public void Hyper_parameters_that_are_not_supported_are_named_with_those_that_are(string json, string expected)
    {
        var weights = new StateDict("task.ckpt", new Dictionary<string, TensorData>());
        var refusal = Assert.Throws<ExportException>(() => TaskCheckpoint.Of("task.ckpt", weights, JsonNode.Parse(json)!.AsObject()));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"decoder": "UNetDecoder"}""", "names no backbone")]
    [InlineData("""{"backbone": "clay_v1_base"}""", "dofa, prithvi, terramind")]
    public void Backbones_that_are_not_supported_are_named_with_those_that_are(string arguments, string expected)
    {
        var hyperParameters = new JsonObject { ["task"] = "segmentation", ["model_args"] = JsonNode.Parse(arguments) };
        var task = TaskCheckpoint.Of("task.ckpt", new StateDict("task.ckpt", new Dictionary<string, TensorData>()), hyperParameters);
        Assert.Contains(expected, Assert.Throws<ExportException>(() => TaskBackbone.Of(task)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"backbone": "prithvi_eo_tiny"}""", 64, 4, null)]                               // the variant's own number
    [InlineData("""{"backbone": "prithvi_eo_v2_300"}""", 1024, 16, null)]
    [InlineData("""{"backbone": "prithvi_eo_tiny", "backbone_num_heads": 2}""", 64, 2, null)]     // the argument wins
    [InlineData("""{"backbone": "terramind_v1_tiny"}""", 96, 3, null)]
    [InlineData("""{"backbone": "dofa_base_patch16_224"}""", 64, null, 4)]                         // 12 heads do not divide 64: a guess, and a warning
    [InlineData("""{"backbone": "dofa_base_patch16_224"}""", 1000, null, null)]                    // neither: the family refuses
    public void Attention_heads_are_those_of_the_argument_else_of_the_named_variant(string arguments, long width, int? stated, int? guessed)
    {
        var hyperParameters = new JsonObject { ["task"] = "segmentation", ["model_args"] = JsonNode.Parse(arguments) };
        var backbone = TaskBackbone.Of(TaskCheckpoint.Of("task.ckpt", new StateDict("task.ckpt", new Dictionary<string, TensorData>()), hyperParameters));
        var weights = new StateDict("task.ckpt", new Dictionary<string, TensorData> { ["blocks.0.norm1.weight"] = RandomTensors.Constant([width], 1) });
        Assert.Equal((stated, guessed), (backbone.StatedHeads(weights), backbone.GuessedHeads(weights)));
        Assert.Equal(stated ?? guessed, backbone.Options(weights, null, new TerraTorchOptions()).Heads);
        Assert.Equal(7, backbone.Options(weights, null, new TerraTorchOptions { Heads = 7 }).Heads);
    }

    [Fact]
    public void Bands_may_be_listed_modality_by_modality()
    {
        var hyperParameters = new JsonObject { ["task"] = "segmentation", ["model_args"] = JsonNode.Parse("""{"backbone": "terramind_v1_base", "backbone_modalities": ["S2L2A", "S1GRD"], "backbone_bands": {"S2L2A": ["RED", "NIR_NARROW"]}}""") };
        var options = TaskBackbone.Of(TaskCheckpoint.Of("task.ckpt", new StateDict("task.ckpt", new Dictionary<string, TensorData>()), hyperParameters)).Options(new StateDict("task.ckpt", new Dictionary<string, TensorData>()), null, new TerraTorchOptions());
        Assert.Equal(["S2L2A.RED", "S2L2A.NIR_NARROW"], options.Bands!);
        Assert.Equal(options.Bands, options.TrainedBands);
    }

    /// <summary>PrithviModelFactory, the old name of the factory, took both without a prefix.</summary>
    [Fact]
    public void Bands_and_frames_of_the_older_factory_are_read()
    {
        var hyperParameters = new JsonObject
        {
            ["task"] = "segmentation", ["model_factory"] = "PrithviModelFactory",
            ["model_args"] = JsonNode.Parse("""{"backbone": "prithvi_vit_100", "decoder": "UperNetDecoder", "decoder_scale_modules": true, "num_classes": 2, "bands": ["RED", "NIR_NARROW"], "num_frames": 3}"""),
        };
        var task = TaskCheckpoint.Of("task.ckpt", new StateDict("task.ckpt", new Dictionary<string, TensorData>()), hyperParameters);
        var options = TaskBackbone.Of(task).Options(new StateDict("task.ckpt", new Dictionary<string, TensorData>()), null, new TerraTorchOptions());
        Assert.Equal(["RED", "NIR_NARROW"], options.Bands!);
        Assert.Equal(3, options.Frames);
    }

    [Fact]
    public void A_backbone_made_for_images_that_are_not_square_is_refused_with_its_size()
    {
        var hyperParameters = new JsonObject { ["task"] = "segmentation", ["model_args"] = JsonNode.Parse("""{"backbone": "prithvi_eo_tiny", "backbone_img_size": [64, 96]}""") };
        var backbone = TaskBackbone.Of(TaskCheckpoint.Of("task.ckpt", new StateDict("task.ckpt", new Dictionary<string, TensorData>()), hyperParameters));
        Assert.Contains("64 x 96", Assert.Throws<ExportException>(() => backbone.ImageSize).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_of_a_fused_projection_are_put_together_and_the_adapter_taken_out()
    {
        var split = AdapterWeights.Split(Wrapped("q_linear.base_layer", "k_linear", "v_linear.base_layer", "q_linear.lora_A.default", "q_linear.lora_B.default"));
        Assert.Equal(["blocks.0.attn.qkv.weight"], split.Encoder.Names);
        Assert.Equal([6, 3], split.Encoder.Take("blocks.0.attn.qkv.weight").Shape);
        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2], split.Encoder.Take("blocks.0.attn.qkv.weight").ToSingles());
        Assert.Equal(["blocks.0.attn.qkv.q_linear.lora_A.weight", "blocks.0.attn.qkv.q_linear.lora_B.weight"], split.Adapter.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_fused_projection_that_lacks_a_part_is_refused_by_name() =>
        Assert.Contains("k_linear", Assert.Throws<FileFormatException>(() => AdapterWeights.Split(Wrapped("q_linear.base_layer", "v_linear"))).Message, StringComparison.Ordinal);

    [Fact]
    public void An_adapter_of_another_name_is_refused() =>
        Assert.Contains("'default'", Assert.Throws<ExportException>(() => AdapterWeights.Split(Wrapped("q_linear.lora_A.second"))).Message, StringComparison.Ordinal);

    private static StateDict Wrapped(params string[] paths) => new("task.ckpt", paths
        .Select((path, i) => KeyValuePair.Create($"blocks.0.attn.qkv.{path}.weight", RandomTensors.Constant([2, 3], i))).ToDictionary());
}
