using EoOnnx.Export.Architectures;

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

    [Theory, InlineData("18", 11_689_512), InlineData("50", 25_557_032), InlineData("152", 60_192_808)]
    public void Random_weights_have_the_size_of_the_published_networks(string size, long parameters)
    {
        var weights = Backbone.Random(size, 1, 3);
        Assert.Equal(parameters, weights.Names.Where(name => !name.Contains("running", StringComparison.Ordinal)).Sum(name => weights.Take(name).Count));
    }
}
