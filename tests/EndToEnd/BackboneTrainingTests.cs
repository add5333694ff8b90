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

/// <summary>What the exporter writes, the gradient compiler derives: no operator of a backbone lacks a rule.</summary>
public class BackboneTrainingTests
{
    private static readonly string[] Attention = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];

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

    private static void Compiles(OnnxModel model, string[] inputs)
    {
        var task = TaskModel.Compose(model, new LoraOptions { Targets = ["all-linear"] }, new FcnDecoder { Classes = 2, Channels = 8, Blocks = 2 });
        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3));
        Assert.Empty(OnnxValidator.Check(graph.Step));
        Assert.Equal(inputs, graph.DataInputs.Select(input => input.Name));
        Assert.DoesNotContain(graph.Parameters, parameter => parameter.Name.EndsWith("_coords", StringComparison.Ordinal));
        Assert.Equal((Dim)"batch", task.InferenceModel.Graph.Outputs[0].KnownShape[0]);
    }

    // Weights without content: only their shapes matter here.
    private static OnnxModel Export(IBackbone backbone, IEnumerable<(string Name, long[] Shape)> shapes, BackboneOptions options)
    {
        var built = backbone.Build(new StateDict(backbone.Name, shapes.ToDictionary(item => item.Name, item => TensorData.Deferred(ElementType.Float, item.Shape, _ => { }))), options);
        var model = new OnnxModel(built.Graph);
        model.Metadata[ModelManifest.MetadataKey] = built.Manifest.ToJson();
        return model;
    }
}
