using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

public class VisionTransformerTests
{
    private const string Family = "vit";
    private static readonly VisionTransformer Backbone = new();

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Every_block_and_the_head_equal_the_reference(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var results = Run(golden, golden.Weights());
        Assert.All(Enumerable.Range(0, golden.Int("depth")), block => golden.AssertClose($"block_{block}", WithoutClassToken(results[$"block_{block}"])));
        golden.AssertClose("tokens", results["tokens"]);
        golden.AssertClose("logits", results["logits"]);
    }

    [Theory]
    [InlineData("module.base_encoder.")]
    [InlineData("module.momentum_encoder.")]
    [InlineData("backbone.")]
    public void Prefixes_of_self_supervised_checkpoints_are_found(string prefix)
    {
        var golden = GoldenCase.Open(Family, GoldenCase.All(Family).First().Data);
        var weights = golden.Weights();
        var prefixed = new StateDict("prefixed", weights.Names.ToDictionary(name => prefix + name, weights.Take));
        golden.AssertClose("logits", Run(golden, prefixed)["logits"]);
    }

    [Fact]
    public void Another_number_of_bands_than_the_weights_take_is_refused_with_both()
    {
        var message = Assert.Throws<ExportException>(() => Backbone.Build(Backbone.Random("tiny", 1, 3), new BackboneOptions { Bands = ["B02", "B03"] })).Message;
        Assert.Contains("takes 3 bands; 2 are named", message, StringComparison.Ordinal);
    }

    private static Dictionary<string, TensorData> Run(GoldenCase golden, StateDict weights) => Ort.Run(
        GoldenCase.Model(Backbone.Build(weights, new BackboneOptions
        {
            Tile = (int)golden.Tensor("x").Shape[^2], TileWidth = (int)golden.Tensor("x").Shape[^1],
            Layers = [.. Enumerable.Range(0, golden.Int("depth"))], Heads = golden.Int("num_heads"), Outputs = ["tokens", "logits"],
        })),
        ("image", golden.Tensor("x")));

    // timm's intermediate outputs leave the class token out.
    private static TensorData WithoutClassToken(TensorData tokens)
    {
        var (batch, count, width) = ((int)tokens.Shape[0], (int)tokens.Shape[1], (int)tokens.Shape[2]);
        var values = tokens.ToSingles();
        return TensorData.FromValues<float>([batch, count - 1, width],
            [.. Enumerable.Range(0, batch).SelectMany(sample => values[(((sample * count) + 1) * width)..((sample + 1) * count * width)])]);
    }
}
