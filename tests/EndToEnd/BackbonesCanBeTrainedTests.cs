using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;

namespace EoOnnx.EndToEnd;

/// <summary>What the exporters write, the gradient compiler derives and the adapters find.</summary>
public class BackbonesCanBeTrainedTests
{
    // Decided by the input alone, so that no gradient ever asks for them.
    private static readonly string[] OfInputsOnly = ["IsNaN", "Equal", "LessOrEqual"];

    [Theory]
    [InlineData("dofa", "tiny", "attn.qkv", 4)]
    [InlineData("vit", "tiny", "attn.qkv", 12)]
    [InlineData("swin", "tiny", "attn.qkv", 12)]
    [InlineData("presto", "default", "attn.qkv", 2)]
    public void Adapters_find_every_projection_and_a_training_graph_compiles(string family, string size, string target, int layers)
    {
        var task = TaskModel.Adapt(Export(family, size, new BackboneOptions { Layers = family == "presto" ? null : [-1] }), new LoraOptions { Targets = [target], Rank = 2 });
        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3));
        Assert.Equal(2 * layers, graph.Parameters.Count);
        Assert.Empty(OnnxValidator.Check(graph.Step));
    }

    [Theory]
    [InlineData("dofa", "tiny")]
    [InlineData("vit", "tiny")]
    [InlineData("resnet", "18")]
    [InlineData("swin", "tiny")]
    [InlineData("presto", "default")]
    public void Every_operator_has_a_gradient_rule(string family, string size)
    {
        var model = Export(family, size, new BackboneOptions { KeepBatchNormalization = true, Attention = AttentionForm.Standard });
        var without = model.Graph.Nodes.Where(node => !VjpTable.Has(node) && !VjpTable.IsConstant(node)).Select(node => node.OpType).Distinct();
        Assert.Empty(without.Except(OfInputsOnly));
    }

    private static OnnxModel Export(string family, string size, BackboneOptions options) => BackboneExport.FromRandom(Backbones.Find(family), size, 1, options).Model;
}
