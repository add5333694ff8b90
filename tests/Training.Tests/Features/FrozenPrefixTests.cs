using EoOnnx.Decoders;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Tests.Features;

public class FrozenPrefixTests
{
    private static readonly Dictionary<string, (string Size, BackboneOptions Options)> Families = new()
    {
        ["vit"] = ("tiny", new BackboneOptions { Tile = 32, Layers = [0, 1] }),
        ["dofa"] = ("tiny", new BackboneOptions { Tile = 32, Bands = ["B02", "B03", "B04"] }),
        ["scalemae"] = ("tiny", new BackboneOptions { Tile = 32 }),
        ["prithvi"] = ("tiny", new BackboneOptions { Tile = 32, Frames = 2 }),
        ["terramind"] = ("tiny", new BackboneOptions { Tile = 32, Modalities = ["S2L2A", "S1GRD"], Merge = TokenMerge.Mean, Registers = 2, Layers = [0, 2] }),
        ["presto"] = ("default", new BackboneOptions()),
        ["swin"] = ("tiny", new BackboneOptions { Tile = 64 }),
        ["resnet"] = ("18", new BackboneOptions { Tile = 64 }),
    };

    public static TheoryData<string> Names => [.. Families.Keys];

    [Theory, MemberData(nameof(Names))]
    public void The_parts_of_every_family_give_together_what_the_whole_gives(string family)
    {
        var encoder = Encoder(family);
        encoder.Graph.SetOutputs(encoder.Graph.Outputs[^1]);
        var task = TaskModel.Adapt(encoder, new LastBlocksOptions { Blocks = 1 });
        foreach (var model in new[] { task.TrainingModel, task.InferenceModel })
        {
            var inputs = Inputs(model);
            var split = FrozenPrefix.Of(model, [.. inputs.Select(input => new SampleInput(input.Name, input.Data.Type, [.. input.Data.Shape.Skip(1)]))], out var reason);
            Assert.True(split is not null, reason);
            Assert.InRange(split.Share, 0.05, 1);
            Assert.All(split.Prefix.Graph.Inputs, input => Assert.Null(input.Data));
            Assert.Equal(model.Graph.Inputs.Where(input => input.Data is not null).Select(input => input.Name), split.Rest.Graph.Inputs.Where(input => input.Data is not null).Select(input => input.Name));
            var whole = Ort.Run(model, inputs);
            var features = Ort.Run(split.Prefix, inputs);
            var parts = Ort.Run(split.Rest, [.. features.Select(feature => (feature.Key, feature.Value))]);
            Assert.Equal(whole.Keys, parts.Keys);
            Assert.All(whole, output => Assert.InRange(Largest(output.Value.ToSingles().Zip(parts[output.Key].ToSingles(), (a, b) => a - b)) / Largest(output.Value.ToSingles()), 0, 1e-5));
            Assert.All(split.Features, feature => Assert.Equal(feature.Length * 2, features[feature.Name].Count));   // batches of two
        }
    }

    [Fact]
    public void Beside_an_adapter_only_the_tokens_are_kept_and_cheap_values_are_made_again()
    {
        // q, k and v beside LoRA and the normalised tokens follow from the tokens that enter the block.
        var task = TaskModel.Compose(TestEncoder.Build(depth: 6), new LoraOptions { Targets = ["attn.qkv:q,v"], Layers = [4, 5] }, new LinearDecoder { Classes = 2, Upsampling = 8 });
        var split = FrozenPrefix.Of(task.TrainingModel, out _)!;
        Assert.Equal([16L, 24], Assert.Single(split.Features).Shape);
        Assert.DoesNotContain(split.Rest.Graph.Nodes, node => node.Name.StartsWith("blocks.3", StringComparison.Ordinal));
        Assert.DoesNotContain(split.Prefix.Graph.Nodes, node => node.Name.StartsWith("blocks.4", StringComparison.Ordinal));
    }

    [Fact]
    public void Behind_a_frozen_encoder_the_features_are_the_map_that_the_decoder_takes()
    {
        var task = TaskModel.Compose(TestEncoder.Build(), null, new LinearDecoder { Classes = 2, Upsampling = 8 });
        var split = FrozenPrefix.Of(task.TrainingModel, out _)!;
        Assert.Equal(24 * 16, Assert.Single(split.Features).Length);
        Assert.InRange(split.Share, 0.8, 1);
    }

    [Fact]
    public void What_is_trained_from_the_first_layer_on_has_no_frozen_part()
    {
        Assert.Null(FrozenPrefix.Of(TaskModel.Adapt(TestEncoder.Build(), new FullOptions()).TrainingModel, out var reason));
        Assert.Contains("training begins at the first product of the model", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Identity_follows_weights_and_structure_and_not_names()
    {
        string Of(OnnxModel encoder) => PrefixIdentity.Of(FrozenPrefix.Of(TaskModel.Compose(encoder, null, new LinearDecoder { Classes = 2, Upsampling = 8 }).TrainingModel, out _)!.Prefix);
        var renamed = TestEncoder.Build();
        renamed.Graph.Rename(renamed.Graph.FindInitializer("blocks.0.mlp.fc1.weight")!, "other");
        Assert.Equal(Of(TestEncoder.Build()), Of(renamed));
        Assert.NotEqual(Of(TestEncoder.Build()), Of(TestEncoder.Build(seed: 2)));
        Assert.NotEqual(Of(TestEncoder.Build()), Of(TestEncoder.Build(heads: 4)));
    }

    private static float Largest(IEnumerable<float> values) => values.Select(Math.Abs).Max();

    private static OnnxModel Encoder(string family)
    {
        var ((size, options), backbone) = (Families[family], Backbones.All.Single(item => item.Name == family));
        return new OnnxModel(backbone.Build(backbone.Random(backbone.Sizes.FirstOrDefault(item => item == size) ?? backbone.Sizes[0], 3, 3), options).Graph);
    }

    private static (string Name, TensorData Data)[] Inputs(OnnxModel model) => [.. model.Graph.Inputs.Where(input => input.Data is null).Select(input =>
    {
        long[] shape = [.. input.KnownShape.Select(extent => extent.Value ?? 2)];
        return (input.Name, input.Type == ElementType.Int64 ? TensorData.FromValues<long>(shape, Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => (long)i % 5).ToArray()) : RandomTensors.Normal(2, input.Name, shape, 1));
    })];
}
