using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Detection;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

public class ResNetTests
{
    private const string Family = "resnet";
    private static readonly ResNet Backbone = new();

    public static TheoryData<string, bool> Cases()
    {
        var cases = new TheoryData<string, bool>();
        foreach (var row in GoldenCase.All(Family))
        {
            cases.Add(row.Data, false);
            cases.Add(row.Data, true);
        }

        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Every_stage_and_the_head_equal_the_reference_folded_or_not(string name, bool keepBatchNormalization)
    {
        var golden = GoldenCase.Open(Family, name);
        var built = Backbone.Build(golden.Weights(), new BackboneOptions
        {
            Tile = (int)golden.Tensor("x").Shape[^2], TileWidth = (int)golden.Tensor("x").Shape[^1], Layers = [0, 1, 2, 3, 4], Outputs = ["logits"], KeepBatchNormalization = keepBatchNormalization,
        });
        Assert.Equal(keepBatchNormalization, built.Graph.Nodes.Any(node => node.OpType == "BatchNormalization"));
        var results = Ort.Run(GoldenCase.Model(built), ("image", golden.Tensor("x")));
        Assert.Equal(6, results.Count);
        Assert.All(results, result => golden.AssertClose(result.Key, result.Value));
        Assert.All(built.Manifest.Features, feature => Assert.Equal([feature.Channels, feature.GridHeight, feature.GridWidth], results[feature.Output].Shape.Skip(1).Select(extent => (int)extent)));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Names_of_SeCo_are_places_in_a_sequence(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var weights = golden.Weights();
        string[] layers = ["conv1.", "bn1.", "relu.", "maxpool.", "layer1.", "layer2.", "layer3.", "layer4."];
        var sequence = weights.Names.Where(tensor => !tensor.StartsWith("fc.", StringComparison.Ordinal)).SelectMany(tensor => Array.FindIndex(layers, layer => tensor.StartsWith(layer, StringComparison.Ordinal)) is var place
            ? new[] { ("encoder_q.", weights.Take(tensor)), ("encoder_k.", RandomTensors.Constant([.. weights.Take(tensor).Shape], 0)) }.Select(copy => KeyValuePair.Create($"{copy.Item1}{place}.{tensor[layers[place].Length..]}", copy.Item2)) : []).ToDictionary();
        sequence["heads_q.0.0.weight"] = sequence["queue"] = RandomTensors.Constant([2, 2], 1);
        var moved = new StateDict("seco.ckpt", sequence);
        Assert.Equal("resnet", FamilyDetector.Detect(moved)?.Family);
        golden.AssertClose("stage_4", Run(golden, moved, new BackboneOptions())["stage_4"]);
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Of_the_two_encoders_of_DeCUR_the_bands_choose_one(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var (weights, channels) = (golden.Weights(), golden.Int("in_chans"));
        var radar = DrawnWeights.ResNet(3, isBottleneck: false, stem: 4, channels: channels + 1, [1, 1, 1, 1]);
        var pair = new StateDict("decur.pth", weights.Names.Select(tensor => KeyValuePair.Create($"module.backbone_2.{tensor}", weights.Take(tensor)))
            .Concat(radar.Select(item => KeyValuePair.Create($"module.backbone_1.{item.Key}", item.Value))).ToDictionary());
        string[] Bands(int count) => [.. Enumerable.Range(0, count).Select(i => $"band{i}")];
        BackboneOptions Chosen(int count) => new() { Bands = Bands(count), Wavelengths = [.. Bands(count).Select(_ => 0.5)], Tile = 64 };
        golden.AssertClose("stage_4", Run(golden, pair, Chosen(channels))["stage_4"]);
        Assert.Equal(channels + 1, Backbone.Build(pair, Chosen(channels + 1)).Manifest.Bands.Count);
        Assert.Contains($"encoders of {channels + 1} and of {channels} bands", Assert.Throws<ExportException>(() => Backbone.Build(pair, new BackboneOptions())).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, TensorData> Run(GoldenCase golden, StateDict weights, BackboneOptions options) => Ort.Run(
        GoldenCase.Model(Backbone.Build(weights, options with { Tile = (int)golden.Tensor("x").Shape[^2], TileWidth = (int)golden.Tensor("x").Shape[^1], Layers = [4] })), ("image", golden.Tensor("x")));

    [Theory, InlineData("18", 11_689_512), InlineData("50", 25_557_032), InlineData("152", 60_192_808)]
    public void Random_weights_have_the_size_of_the_published_networks(string size, long parameters)
    {
        var weights = Backbone.Random(size, 1, 3);
        Assert.Equal(parameters, weights.Names.Where(name => !name.Contains("running", StringComparison.Ordinal)).Sum(name => weights.Take(name).Count));
    }
}
