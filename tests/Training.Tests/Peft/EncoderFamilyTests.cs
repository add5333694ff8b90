using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Peft.Structure;

namespace EoOnnx.Training.Tests.Peft;

/// <summary>The places for adapters in the graphs of every exported family.</summary>
public class EncoderFamilyTests
{
    private static readonly Dictionary<string, (string Size, BackboneOptions Options)> Families = new()
    {
        ["vit"] = ("tiny", new BackboneOptions { Tile = 32, Layers = [0, 1] }),
        ["dofa"] = ("tiny", new BackboneOptions { Tile = 32, Bands = ["B02", "B03", "B04"] }),
        ["prithvi"] = ("tiny", new BackboneOptions { Tile = 32, Frames = 2 }),
        ["terramind"] = ("tiny", new BackboneOptions { Tile = 32, Modalities = ["S2L2A", "S1GRD"], Merge = TokenMerge.Mean, Registers = 2, Layers = [0, 2] }),
        ["presto"] = ("default", new BackboneOptions()),
    };

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var family in Families.Keys)
        {
            foreach (var method in new[] { "houlsby", "parallel", "prefix", "deep prompts", "shallow prompts" })
            {
                data.Add(family, method);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Features_keep_names_and_shapes_and_every_tensor_has_a_gradient(string family, string method)
    {
        var encoder = Encoder(family);
        var blocks = EncoderStructure.Blocks(encoder.Graph, "A test");
        Assert.Equal(Enumerable.Range(0, blocks.Count).Select(i => $"{blocks[0].Path[..blocks[0].Path.LastIndexOf('.')]}.{i}"), blocks.Select(block => block.Path));
        var feature = encoder.Graph.Outputs[^1].Name;
        var plain = encoder.Clone();
        plain.Graph.SetOutputs(plain.Graph.FindOutput(feature)!);
        var task = TaskModel.Adapt(plain, MethodCases.All[method]);
        var expected = Ort.Run(plain, Inputs(plain))[feature];
        var actual = Ort.Run(task.InferenceModel, Inputs(plain))[TaskModel.PredictionName];
        Assert.Equal(expected.Shape, actual.Shape);
        var distance = MethodCases.Distance(expected, actual);
        Assert.True(method is "houlsby" or "parallel" ? distance < 1e-5 : distance is > 1e-6 and < 10, $"{family}, {method}: {distance}");

        // A frozen prompt or an unused block would be found here: the compiler refuses tensors without influence.
        Assert.NotEmpty(GradientCompiler.Compile(task, Loss.MeanSquaredError(), new AdamW(1e-3)).Parameters);
        Assert.All(plain.Graph.Outputs, output => Assert.NotNull(output.Shape));
    }

    [Theory, InlineData("vit"), InlineData("prithvi"), InlineData("terramind")]
    public void Prompts_stand_between_class_token_and_patches(string family)
    {
        var encoder = Encoder(family);
        var before = family == "terramind" ? 2 : 1;
        var task = TaskModel.Adapt(encoder, new PromptOptions { Prompts = 3 });
        var insertion = task.InferenceModel.Graph.Nodes.First(node => node.OpType == "Concat" && node.Name.StartsWith("vpt_prompt_embeddings.0/", StringComparison.Ordinal) && node.Inputs.Count == 3);
        Assert.Equal((before, 3), (insertion.Input(0).KnownShape[1].Value, insertion.Input(1).KnownShape[1].Value));
    }

    [Fact]
    public void A_masked_token_stays_unseen_with_prompts_and_prefixes()
    {
        var encoder = Encoder("presto");
        foreach (var method in new[] { "prefix", "deep prompts", "shallow prompts" })
        {
            var task = TaskModel.Adapt(encoder, MethodCases.All[method]);
            var inputs = Inputs(encoder);
            var series = inputs.Single(input => input.Name == "series").Data;
            TensorData Predict(float hidden) => Ort.Run(task.InferenceModel, [.. inputs.Select(input => input.Name != "series" ? input
                : ("series", TensorData.FromValues<float>(series.Shape.AsSpan(), [.. series.ToSingles().Select((value, i) => i % 17 is 0 ? float.NaN : i % 17 is 1 ? hidden : value)])))]).Single().Value;

            // Both channels of the first group are one token; NaN in one hides it, whatever the other says.
            Assert.InRange(MethodCases.Distance(Predict(0), Predict(5)), 0, 1e-6);
        }
    }

    [Fact]
    public void Encoders_without_blocks_are_refused_with_what_is_there()
    {
        foreach (var peft in new PeftOptions[] { new BottleneckOptions(), new PrefixOptions(), new PromptOptions() })
        {
            var failure = Assert.Throws<TrainingException>(() => TaskModel.Adapt(Encoder("resnet", "18", new BackboneOptions { Tile = 64 }), peft));
            Assert.Contains("a Softmax between two MatMuls", failure.Message, StringComparison.Ordinal);
            Assert.Contains("Conv", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Attention_in_one_operator_is_refused_with_the_way_out()
    {
        var failure = Assert.Throws<TrainingException>(() => TaskModel.Adapt(Encoder("vit", "tiny", new BackboneOptions { Tile = 32, Attention = AttentionForm.Fused }), new PrefixOptions()));
        Assert.Contains("--attention standard", failure.Message, StringComparison.Ordinal);
    }

    private static OnnxModel Encoder(string family) => Encoder(family, Families[family].Size, Families[family].Options);

    private static OnnxModel Encoder(string family, string size, BackboneOptions options)
    {
        var backbone = Backbones.All.Single(item => item.Name == family);
        return new OnnxModel(backbone.Build(backbone.Random(backbone.Sizes.FirstOrDefault(item => item == size) ?? backbone.Sizes[0], 3, 3), options).Graph);
    }

    private static (string Name, TensorData Data)[] Inputs(OnnxModel model) => [.. model.Graph.Inputs.Where(input => input.Data is null).Select(input =>
    {
        long[] shape = [.. input.KnownShape.Select(extent => extent.Value ?? 2)];
        return (input.Name, input.Type == ElementType.Int64 ? TensorData.FromValues<long>(shape, Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => (long)i % 5).ToArray()) : RandomTensors.Normal(2, input.Name, shape, 1));
    })];
}
