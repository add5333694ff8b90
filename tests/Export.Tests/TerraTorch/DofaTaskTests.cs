using EoOnnx.Export.TerraTorch;
using EoOnnx.Export.Tests.Architectures;
using EoOnnx.Export.Tests.Checkpoints;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.TerraTorch;

/// <summary>Tasks whose encoder is DOFA, of either version, as TerraTorch's wrapper of it names the weights.</summary>
public sealed class DofaTaskTests : CheckpointFolder
{
    private const string Second = "dofav2_base_patch14_224", Wrapper = "encoder.dofa_model.";
    private const int Classes = 3, Patch = 14, Grid = 3, Edge = 56;
    private static readonly string[] Bands = ["BLUE", "NIR_NARROW", "VV"];
    private static readonly double[] Micrometres = [0.49, 0.864, 5.405];
    private static readonly DrawnSizes Sizes = new(24, 2, 12, Patch, Grid, 3, Mlp: 2);   // 12 heads, as the named variant has

    [Fact]
    public void A_task_with_the_second_version_gives_what_plain_loops_give()
    {
        var weights = DrawnWeights.DofaV2(Sizes, 71);
        var decoder = RandomTensors.Uniform(5, "decoder.conv.weight", [Sizes.Width, Classes, Patch, Patch], 0.2);
        var task = TerraTorchExport.FromCheckpoint(Write(Second, Under(Wrapper, weights, decoder)), new TerraTorchOptions { Raw = true });
        Assert.Equal(("dofa", Second, Edge, Patch, (int?)(2 * Patch)), (task.Exported.Manifest.Family, task.Exported.Manifest.Variant, task.Exported.Manifest.Tile, task.Exported.Manifest.Patch, task.Exported.Manifest.Padding?.Multiple));
        var image = RandomTensors.Normal(6, "image", [1, Bands.Length, Edge, Edge], 1);
        var logits = Ort.Run(task.Exported.Model, ("image", image))["logits"];

        const int Rows = Edge / Patch;
        var plain = DofaVersion2Tests.Plain(weights, Sizes, Micrometres);
        var x = plain.Embed(image.ToSingles(), Rows, Rows, DofaVersion2Tests.Positions(weights["model.pos_embed"], Grid, Rows, Rows), padding: 1);
        x = plain.Block(plain.Block(x, "blocks.0"), "blocks.1");
        var paint = decoder.ToSingles();
        var expected = new float[Classes * Edge * Edge];
        for (var i = 0; i < expected.Length; i++)
        {
            var (channel, row, column) = (i / (Edge * Edge), i / Edge % Edge, i % Edge);
            var token = x[1 + (row / Patch * Rows) + (column / Patch)];
            expected[i] = (float)token.Select((value, unit) => value * paint[(((((unit * Classes) + channel) * Patch) + (row % Patch)) * Patch) + (column % Patch)]).Sum();
        }

        GoldenCase.AssertClose("logits", TensorData.FromValues<float>([1, Classes, Edge, Edge], expected), logits);
    }

    [Theory, InlineData("dofa_base_patch16_224"), InlineData("dofav1_base_patch16_224"), InlineData(Second)]
    public void The_adapter_of_a_task_has_the_names_of_the_exported_model(string backbone)
    {
        var weights = backbone == Second ? DrawnWeights.DofaV2(Sizes, 72) : DrawnWeights.Dofa(Sizes, 72);
        var blocks = backbone == Second ? "model.blocks" : "blocks";
        var wrapped = weights.ToDictionary(item => item.Key.Replace(".attn.proj.", ".attn.proj.base_layer.", StringComparison.Ordinal), item => item.Value);
        for (var layer = 0; layer < Sizes.Depth; layer++)
        {
            wrapped[$"{blocks}.{layer}.attn.proj.lora_A.default.weight"] = RandomTensors.Uniform(1, "a", [2, Sizes.Width], 1);
            wrapped[$"{blocks}.{layer}.attn.proj.lora_B.default.weight"] = RandomTensors.Uniform(2, "b", [Sizes.Width, 2], 1);
        }

        var decoder = RandomTensors.Constant([Sizes.Width, Classes, Patch, Patch], 0.1f);
        var task = TerraTorchExport.FromCheckpoint(Write(backbone, Under("encoder.base_model.model.dofa_model.", wrapped, decoder), ("peft_config", value => value.Dictionary(("method", method => method.Text("LORA"))))));
        Assert.Equal(
            ["blocks.0.attn.proj.lora_A.weight", "blocks.0.attn.proj.lora_B.weight", "blocks.1.attn.proj.lora_A.weight", "blocks.1.attn.proj.lora_B.weight"],
            task.Adapter!.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(task.Adapter.Tensors.Keys, name => Assert.NotNull(task.Exported.Model.Graph.FindInitializer($"{name[..name.IndexOf(".lora", StringComparison.Ordinal)]}.weight")));
    }

    [Fact]
    public void A_kernel_that_TerraTorch_stretches_is_refused_by_the_name_of_its_argument()
    {
        var weights = Under(Wrapper, DrawnWeights.DofaV2(Sizes, 73), RandomTensors.Constant([Sizes.Width, Classes, Patch, Patch], 0.1f));
        const string argument = "backbone_convert_patch_14_to_16";
        Assert.Contains(argument, Assert.Throws<ExportException>(() => TerraTorchExport.FromCheckpoint(Write(Second, weights, (argument, value => value.Boolean(true))))).Message, StringComparison.Ordinal);
        Assert.NotNull(TerraTorchExport.FromCheckpoint(Write(Second, weights, (argument, value => value.Boolean(false)))));
    }

    private static Dictionary<string, TensorData> Under(string prefix, Dictionary<string, TensorData> encoder, TensorData decoder) => encoder.Select(item => KeyValuePair.Create(prefix + item.Key, item.Value))
        .Append(KeyValuePair.Create("decoder.conv.weight", decoder)).Append(KeyValuePair.Create("decoder.conv.bias", RandomTensors.Constant([Classes], 0))).ToDictionary();

    // A Lightning checkpoint of a segmentation with the linear decoder.
    private string Write(string backbone, Dictionary<string, TensorData> weights, params (string, Action<PickleWriter>)[] arguments)
    {
        var names = weights.Keys.Order(StringComparer.Ordinal).ToList();
        (string, Action<PickleWriter>)[] tensors = [.. names.Select((name, i) => ($"model.{name}", (Action<PickleWriter>)(value => value.Tensor("FloatStorage", $"{i}", weights[name].Count, 0, [.. weights[name].Shape], Strides(weights[name])))))];
        (string, Action<PickleWriter>)[] model =
        [
            ("backbone", value => value.Text(backbone)), ("backbone_model_bands", value => Texts(value, Bands)), ("backbone_img_size", value => value.Integer(Edge)), ("backbone_out_indices", value => Texts(value, []).Op('(').Integer(1).Op('e')),
            ("necks", value => value.Op(']').Op('(').Dictionary(("name", name => name.Text("ReshapeTokensToImage"))).Op('e')), ("decoder", value => value.Text("LinearDecoder")), ("decoder_upsampling_size", value => value.Integer(Patch)),
            ("num_classes", value => value.Integer(Classes)), .. arguments,
        ];
        var pickle = new PickleWriter().Dictionary(
            ("pytorch-lightning_version", value => value.Text("2.5.0")), ("state_dict", value => value.Dictionary(tensors)),
            ("hyper_parameters", value => value.Dictionary(("task", task => task.Text("segmentation")), ("model_factory", factory => factory.Text("EncoderDecoderFactory")), ("model_args", value => value.Dictionary(model)))));
        return Save(TorchFiles.Zip(pickle.End(), names.Select((name, i) => ($"{i}", TorchFiles.Bytes<float>(weights[name].ToSingles())))), "task.ckpt");

        static PickleWriter Texts(PickleWriter value, string[] texts)
        {
            value.Op(']');
            Array.ForEach(texts, text => value.Text(text).Op('a'));
            return value;
        }

        static long[] Strides(TensorData tensor) => [.. Enumerable.Range(1, tensor.Shape.Length).Select(axis => tensor.Shape.Skip(axis).Aggregate(1L, (product, extent) => product * extent))];
    }
}
