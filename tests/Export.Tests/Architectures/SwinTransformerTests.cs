using EoOnnx.Export.Architectures;

namespace EoOnnx.Export.Tests.Architectures;

public class SwinTransformerTests
{
    private const string Family = "swin_v2";
    private static readonly SwinTransformer Backbone = new();

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Every_feature_and_the_head_equal_the_reference(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var expected = golden.Names.Where(Backbone.FurtherOutputs.Contains).ToList();
        var built = Backbone.Build(golden.Weights(), new BackboneOptions { Tile = (int)golden.Tensor("x").Shape[^2], TileWidth = (int)golden.Tensor("x").Shape[^1], Outputs = expected });
        var results = Ort.Run(GoldenCase.Model(built), ("image", golden.Tensor("x")));
        Assert.All(expected, output => golden.AssertClose(output, results[output]));
        Assert.All(built.Manifest.Features, feature => Assert.Equal([feature.Channels, feature.GridHeight, feature.GridWidth], results[feature.Output].Shape.Skip(1).Select(extent => (int)extent)));
    }

    [Fact]
    public void Maps_that_are_no_multiple_of_the_window_run_too()
    {
        var built = Backbone.Build(Backbone.Random("tiny", 1, 3), new BackboneOptions { Tile = 72, Layers = [0, 1] });
        var results = Ort.Run(GoldenCase.Model(built), ("image", Formats.RandomTensors.Uniform(1, "image", [2, 3, 72, 72], 1)));
        Assert.Equal([2, 96, 18, 18], results["stage_0"].Shape);
        Assert.Equal([2, 192, 9, 9], results["stage_1"].Shape);
        Assert.All(results.Values, map => Assert.All(map.ToSingles(), value => Assert.True(float.IsFinite(value))));
    }
}
