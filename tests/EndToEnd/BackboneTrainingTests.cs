using EoOnnx.Decoders;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;

namespace EoOnnx.EndToEnd;

/// <summary>What the exporters write, the gradient compiler derives and the adapters find.</summary>
public class BackboneTrainingTests
{
    private static readonly string[] Attention = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];

    // Decided by the input alone, so that no gradient ever asks for them.
    private static readonly string[] OfInputsOnly = ["IsNaN", "Equal", "LessOrEqual"];

    [Theory, InlineData("tiny", 1), InlineData("v2-tiny-tl", 3)]
    public void Prithvi_is_trainable_with_and_without_frames_and_coordinates(string size, int frames)
    {
        var model = Export(new Prithvi(), Prithvi.Shapes(size), new BackboneOptions { Frames = frames, Layers = [1], Tile = 64 });
        Assert.Equal(from block in new[] { 0, 1 } from layer in Attention select $"blocks.{block}.{layer}", LinearLayer.Find(model.Graph).Select(layer => layer.Path));
        Compiles(model, ["image"]);
    }

    [Theory, InlineData("tiny", TokenMerge.Mean), InlineData("tiny", TokenMerge.Max), InlineData("base", TokenMerge.Concat), InlineData("base", TokenMerge.None), InlineData("base", TokenMerge.Dict)]
    public void TerraMind_is_trainable_however_its_modalities_are_merged(string size, TokenMerge merge)
    {
        var model = Export(new TerraMind(), TerraMind.Shapes(size), new BackboneOptions { Modalities = ["S2L2A", "LULC", "S1GRD"], Merge = merge, Layers = [1], Tile = 64 });
        string[] layers = size == "base" ? ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc3", "mlp.fc2"] : Attention;
        Assert.Equal(
            [.. from modality in new[] { "untok_sen2l2a@224", "untok_sen1grd@224" } select $"encoder_embeddings.{modality}.proj", .. from block in new[] { 0, 1 } from layer in layers select $"encoder.{block}.{layer}"],
            LinearLayer.Find(model.Graph).Select(layer => layer.Path));
        Compiles(model, ["S2L2A", "S1GRD", "LULC"]);
    }

    [Theory]
    [InlineData("dofa", "tiny", "attn.qkv", 4)]
    [InlineData("dofa", "v2-tiny", "attn.qkv", 4)]
    [InlineData("vit", "tiny", "attn.qkv", 12)]
    [InlineData("swin", "tiny", "attn.qkv", 12)]
    [InlineData("presto", "default", "attn.qkv", 2)]
    public void Adapters_find_every_projection_and_a_training_graph_compiles(string family, string size, string target, int layers)
    {
        var task = TaskModel.Adapt(Random(family, size, new BackboneOptions { Layers = family == "presto" ? null : [-1] }), new LoraOptions { Targets = [target], Rank = 2 });
        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3));
        Assert.Equal(2 * layers, graph.Parameters.Count);
        Assert.Empty(OnnxValidator.Check(graph.Step));
    }

    [Theory]
    [InlineData("dofa", "tiny")]
    [InlineData("dofa", "v2-tiny")]
    [InlineData("vit", "tiny")]
    [InlineData("resnet", "18")]
    [InlineData("swin", "tiny")]
    [InlineData("presto", "default")]
    public void Every_operator_has_a_gradient_rule(string family, string size)
    {
        var model = Random(family, size, new BackboneOptions { KeepBatchNormalization = true, Attention = AttentionForm.Standard });
        var without = model.Graph.Nodes.Where(node => !VjpTable.Has(node) && !VjpTable.IsConstant(node)).Select(node => node.OpType).Distinct();
        Assert.Empty(without.Except(OfInputsOnly));
    }

    private static void Compiles(OnnxModel model, string[] inputs)
    {
        var task = TaskModel.Compose(model, new LoraOptions { Targets = ["all-linear"] }, new FcnDecoder { Classes = 2, Channels = 8, Blocks = 2 });
        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3));
        Assert.Empty(OnnxValidator.Check(graph.Step));
        Assert.Equal(inputs, graph.DataInputs.Select(input => input.Name));
        Assert.DoesNotContain(graph.Parameters, parameter => parameter.Name.EndsWith("_coords", StringComparison.Ordinal));
        Assert.Equal((Dim)"batch", task.InferenceModel.Graph.Outputs[0].KnownShape[0]);
    }

    private static OnnxModel Random(string family, string size, BackboneOptions options) => BackboneExport.FromRandom(Backbones.Find(family), size, 1, options).Model;

    // Weights without content: only their shapes matter here.
    private static OnnxModel Export(IBackbone backbone, IEnumerable<(string Name, long[] Shape)> shapes, BackboneOptions options)
    {
        var built = backbone.Build(new StateDict(backbone.Name, shapes.ToDictionary(item => item.Name, item => TensorData.Deferred(ElementType.Float, item.Shape, _ => { }))), options);
        var model = new OnnxModel(built.Graph);
        model.Metadata[ModelManifest.MetadataKey] = built.Manifest.ToJson();
        return model;
    }
}
