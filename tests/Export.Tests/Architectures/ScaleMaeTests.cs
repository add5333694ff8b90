using EoOnnx.Export.Architectures;

namespace EoOnnx.Export.Tests.Architectures;

public class ScaleMaeTests
{
    private const string Family = "scale_mae";
    private static readonly ScaleMae Backbone = new();

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Tokens_and_logits_equal_the_reference_at_every_ground_resolution(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var built = Backbone.Build(golden.Weights(), new BackboneOptions
        {
            Tile = (int)golden.Tensor("x").Shape[^2], TileWidth = (int)golden.Tensor("x").Shape[^1],
            Heads = golden.Int("num_heads"), GroundResolutionMetres = golden.Double("res"), Outputs = ["tokens", "logits"],
        });
        Assert.Equal(golden.Double("res"), built.Manifest.GroundResolutionMetres);
        var results = Ort.Run(GoldenCase.Model(built), ("image", golden.Tensor("x")));
        golden.AssertClose("tokens", results["tokens"]);
        golden.AssertClose("logits", results["logits"]);
    }
}
