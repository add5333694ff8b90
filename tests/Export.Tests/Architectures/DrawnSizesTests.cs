using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Tests.Checkpoints;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>
/// Every family in sizes that nobody has published, from files in every form: all forms give the same model, images of a batch do not
/// touch each other, the fused attention and a plain implementation in double precision agree, and no operator of one runtime is in the file.
/// </summary>
public sealed class DrawnSizesTests : CheckpointFolder
{
    private static readonly Dictionary<string, Drawn> Models = new()
    {
        ["vit wide"] = new("vit", DrawnWeights.Vit(new(96, 2, 6, 4, 5, 3), 1), new() { Heads = 6, Bands = ["R", "G", "B"], Wavelengths = [0.66, 0.56, 0.49], Layers = [0, 1] }, 96, 4, 20, ["", "module.base_encoder.", "backbone."]),
        ["vit narrow"] = new("vit", DrawnWeights.Vit(new(40, 3, 5, 6, 3, 2, Mlp: 2), 2), new() { Heads = 5, Bands = ["VV", "VH"], Layers = [2] }, 40, 6, 18, ["", "teacher.backbone."]),
        ["scalemae"] = new("scalemae", DrawnWeights.Vit(new(48, 2, 3, 8, 4, 3, Mlp: 3), 3), new() { Heads = 3, GroundResolutionMetres = 2.5, Layers = [1] }, 48, 8, 32, ["", "model."]),
        ["prithvi, one date"] = new("prithvi", DrawnWeights.Prithvi(new(48, 2, 3, 4, 6, 6), 4), new() { Heads = 3, TrainedTile = 24, Layers = [0, 1] }, 48, 4, 24, ["", "encoder.", "_timm_module.", "model.encoder."]),
        ["prithvi, pairs of dates"] = new("prithvi", DrawnWeights.Prithvi(new(80, 3, 5, 10, 3, 4, Mlp: 3, Frames: 6, Step: 2), 5),
            new() { Heads = 5, Frames = 6, TrainedTile = 30, TrainedBands = ["B02", "B03", "B04", "B08"], Layers = [2] }, 80, 10, 30, ["", "encoder."]),
        ["dofa"] = new("dofa", DrawnWeights.Dofa(new(72, 2, 6, 6, 4, 0), 6), new() { Heads = 6, Bands = ["B02", "B08", "VV"], Layers = [0, 1] }, 72, 6, 24, [""]),
        ["dofa, second version"] = new("dofa", DrawnWeights.DofaV2(new(56, 2, 7, 7, 4, 0, Mlp: 3), 16), new() { Heads = 7, Bands = ["B02", "B08", "VV"], Layers = [0, 1] }, 56, 7, 28, ["", "module.", "dofa_model.", "model."]),
        ["terramind, gated"] = new("terramind", DrawnWeights.TerraMind(new(48, 2, 3, 8, 3, 0, Mlp: 2), 7, qkvBias: false, projectionBias: false, mlpBias: false, isGated: true),
            new() { Heads = 3, Modalities = ["S2L2A", "S1GRD"], Layers = [0, 1] }, 48, 8, 24, ["", "encoder_model.", "model.encoder."]),
        ["terramind, some biases"] = new("terramind", DrawnWeights.TerraMind(new(60, 2, 5, 4, 5, 0), 8, qkvBias: true, projectionBias: false, mlpBias: true, isGated: false),
            new() { Heads = 5, Modalities = ["S1GRD"], Layers = [1] }, 60, 4, 20, [""]),
        ["resnet, basic"] = new("resnet", DrawnWeights.ResNet(9, isBottleneck: false, stem: 6, channels: 5, [2, 1, 3, 1]), new() { Tile = 64, Bands = ["B02", "B03", "B04", "B08", "B11"], Layers = [1, 4] }, 48, null, 64, ["", "module.encoder_q."]),
        ["resnet, bottleneck"] = new("resnet", DrawnWeights.ResNet(10, isBottleneck: true, stem: 4, channels: 2, [1, 2, 1, 2]), new() { Tile = 96, Bands = ["VV", "VH"], Layers = [4] }, 128, null, 96, ["", "backbone."]),
        ["swin"] = new("swin", DrawnWeights.Swin(11, width: 12, channels: 4, patch: 2, window: 3, [1, 2], [3, 2], mlp: 2), new() { Tile = 24, Bands = ["B02", "B03", "B04", "B08"], Layers = [0, 1] }, 24, 2, 24, [""]),
        ["presto"] = new("presto", DrawnWeights.Presto(12, new(32, 3, 4, 1, 1, 0, Mlp: 3, Frames: 9)), new() { Heads = 4 }, 32, null, null, ["", "encoder."]),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Every_form_of_the_file_gives_the_same_model(string name)
    {
        var drawn = Models[name];
        var expected = drawn.Build(new StateDict("memory", drawn.Weights));
        Assert.DoesNotContain(expected.Warnings, warning => warning.Contains("random", StringComparison.Ordinal));
        foreach (var prefix in drawn.Prefixes)
        {
            foreach (var (form, path) in Forms(drawn.Weights.ToDictionary(item => prefix + item.Key, item => item.Value)))
            {
                var built = drawn.Build(Checkpoint.Open(path).Weights);
                Assert.Equal(Identity(expected), Identity(built));
                Assert.Equal(expected.Graph.Nodes.Select(node => node.OpType), built.Graph.Nodes.Select(node => node.OpType));
                Assert.False(string.IsNullOrEmpty(form));
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Sizes_come_from_the_weights_and_images_of_a_batch_do_not_touch_each_other(string name)
    {
        var drawn = Models[name];
        var built = drawn.Build(new StateDict("memory", drawn.Weights));
        var model = GoldenCase.Model(built);
        Assert.Equal((drawn.Patch, drawn.Tile, drawn.Width), (built.Manifest.Patch, built.Manifest.Tile, (long)built.Manifest.Features[^1].Channels));
        Assert.DoesNotContain(model.Graph.Nodes, node => node.Domain.Length > 0);
        Assert.Equal([""], model.Opsets.Keys);
        var both = Inputs(built, 2);
        var together = Ort.Run(model, both);
        for (var i = 0; i < 2; i++)
        {
            var alone = Ort.Run(model, [.. both.Select(input => (input.Name, Part(input.Data, i)))]);
            foreach (var (output, values) in alone)
            {
                Assert.All(values.ToSingles(), value => Assert.True(float.IsFinite(value)));
                GoldenCase.AssertClose(output, values, Part(together[output], i));
            }
        }

        Assert.Contains(together.Values, output => !Part(output, 0).ToSingles().SequenceEqual(Part(output, 1).ToSingles()));
    }

    [Theory, MemberData(nameof(Names))]
    public void Fused_attention_agrees_and_another_number_of_heads_is_another_model(string name)
    {
        var drawn = Models[name];
        if (Backbones.Find(drawn.Family).Settings.Contains(BackboneSetting.Heads))
        {
            var (usual, other) = (drawn.Build(new StateDict("memory", drawn.Weights)), drawn.Build(new StateDict("memory", drawn.Weights), drawn.Options with { Heads = 1 }));
            var inputs = Inputs(usual, 1);
            var expected = Ort.Run(GoldenCase.Model(usual), inputs);
            Assert.Contains(Ort.Run(GoldenCase.Model(other), inputs), output => Distance(expected[output.Key], output.Value) > 1e-3);
            if (Backbones.Find(drawn.Family).Settings.Contains(BackboneSetting.Attention))
            {
                var fused = drawn.Build(new StateDict("memory", drawn.Weights), drawn.Options with { Attention = AttentionForm.Fused });
                Assert.Contains(fused.Graph.Nodes, node => node.OpType == "MultiHeadAttention");
                Assert.All(Ort.Run(GoldenCase.Model(fused), inputs), output => GoldenCase.AssertClose(output.Key, expected[output.Key], output.Value));
            }
        }
        else
        {
            Assert.Contains(drawn.Family, (string[])["resnet", "swin"]); // no heads, or heads that the weights tell
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Heads_of_an_unpublished_width_are_asked_for_instead_of_guessed(string name)
    {
        var drawn = Models[name];
        if (Backbones.Find(drawn.Family).Settings.Contains(BackboneSetting.Heads))
        {
            Assert.Contains("--heads", Assert.Throws<ExportException>(() => drawn.Build(new StateDict("memory", drawn.Weights), drawn.Options with { Heads = null })).Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.Null(drawn.Options.Heads);
        }
    }

    [Theory, InlineData(96, 2, 6, 4, 5, 3, 4), InlineData(40, 3, 5, 6, 3, 2, 2), InlineData(24, 4, 2, 5, 4, 7, 3)]
    public void A_vision_transformer_agrees_with_plain_loops_in_double_precision(long width, int depth, int heads, int patch, int grid, int channels, int mlp)
    {
        var sizes = new DrawnSizes(width, depth, heads, patch, grid, channels, mlp);
        var weights = DrawnWeights.Vit(sizes, 20 + width);
        var built = new VisionTransformer().Build(new StateDict("memory", weights), new BackboneOptions
        {
            Heads = heads, Layers = [.. Enumerable.Range(0, depth)], Outputs = ["tokens"], Bands = [.. Enumerable.Range(0, channels).Select(i => $"band{i}")], Wavelengths = [.. Enumerable.Range(0, channels).Select(i => 0.4 + (0.1 * i))],
        });
        var image = RandomTensors.Normal(5, "image", [1, channels, sizes.Tile, sizes.Tile], 1);
        var found = Ort.Run(GoldenCase.Model(built), (built.Graph.Inputs[0].Name, image));
        var plain = new PlainVit(weights, sizes, 1e-6);
        var x = plain.Embed(image.ToSingles(), grid, grid, [.. weights["pos_embed"].ToSingles().Select(value => (double)value)]);
        for (var layer = 0; layer < depth; layer++)
        {
            x = plain.Block(x, $"blocks.{layer}");
            var output = found[built.Manifest.Features[layer].Output];
            GoldenCase.AssertClose($"block {layer}", Flat(x, (int)output.Shape[1]), output);
        }

        GoldenCase.AssertClose("tokens", Flat(plain.Normalize(x, "norm"), x.Length), found["tokens"]);
    }

    private static TensorData Flat(double[][] tokens, int last) => TensorData.FromValues<float>([1, last, tokens[0].Length], [.. tokens.TakeLast(last).SelectMany(token => token).Select(value => (float)value)]);

    // PyTorch's zip, plain and as Lightning wraps it; the form before 1.6; and safetensors.
    private IEnumerable<(string Form, string Path)> Forms(Dictionary<string, TensorData> weights)
    {
        var names = weights.Keys.Order(StringComparer.Ordinal).ToList();
        var storages = names.Select((name, i) => ($"{i}", TorchFiles.Bytes<float>(weights[name].ToSingles()))).ToList();
        yield return ("zip", Save(TorchFiles.Zip(Pickle(legacy: false, null), storages)));
        yield return ("deflated zip below model", Save(TorchFiles.Zip(Pickle(legacy: false, "model"), storages, deflate: true)));
        yield return ("Lightning", Save(TorchFiles.Zip(Pickle(legacy: false, "state_dict"), storages), "weights.ckpt"));
        yield return ("legacy", Save(TorchFiles.Legacy(Pickle(legacy: true, null), [.. storages.Select(storage => (storage.Item1, storage.Item2, 4))])));
        var safetensors = Path.Combine(Folder, $"{Guid.NewGuid():N}.safetensors");
        SafetensorsFile.Write(safetensors, weights);
        yield return ("safetensors", safetensors);

        byte[] Pickle(bool legacy, string? wrapper)
        {
            (string, Action<PickleWriter>)[] tensors = [.. names.Select((name, i) => (name, (Action<PickleWriter>)(value => value.Tensor(
                "FloatStorage", $"{i}", weights[name].Count, 0, [.. weights[name].Shape], Strides([.. weights[name].Shape]), legacy))))];
            return (wrapper is null ? new PickleWriter().Dictionary(tensors) : new PickleWriter().Dictionary((wrapper, value => value.Dictionary(tensors)), ("epoch", value => value.Integer(3)))).End();
        }

        static long[] Strides(long[] shape) => [.. Enumerable.Range(1, shape.Length).Select(axis => shape.Skip(axis).Aggregate(1L, (product, extent) => product * extent))];
    }

    private static (string Name, TensorData Data)[] Inputs(BackboneModel built, int batch) => [.. built.Graph.Inputs.Where(input => input.Data is null).Select(input =>
    {
        long[] shape = [.. input.KnownShape.Select(dim => dim.Value ?? (dim.ToString() == "batch" ? batch : 5))];
        return (input.Name, input.Type == ElementType.Float ? RandomTensors.Normal(3, input.Name, shape, 1)
            : TensorData.FromValues<long>(shape, [.. Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => (long)(i * 5 % 9))]));
    })];

    private static TensorData Part(TensorData batch, int index)
    {
        var bytes = (int)(batch.ByteLength / batch.Shape[0]);
        return TensorData.FromBytes(batch.Type, [1, .. batch.Shape.Skip(1)], batch.Bytes.Slice(index * bytes, bytes));
    }

    private static double Distance(TensorData a, TensorData b) => a.ToSingles().Zip(b.ToSingles(), (x, y) => Math.Abs(x - y)).Max() / a.ToSingles().Max(Math.Abs);

    private static string Identity(BackboneModel built) => WeightsHash.Compute(built.Graph.Initializers.Where(value => value.Type.IsFloatingPoint()).Select(value => KeyValuePair.Create(value.Name, value.Data!)));

    private sealed record Drawn(string Family, Dictionary<string, TensorData> Weights, BackboneOptions Options, long Width, int? Patch, int? Tile, string[] Prefixes)
    {
        public BackboneModel Build(StateDict weights, BackboneOptions? options = null) => Backbones.Find(Family).Build(weights, options ?? Options);
    }
}
