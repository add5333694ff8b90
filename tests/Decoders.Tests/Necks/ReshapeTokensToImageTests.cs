using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Tests.Necks;

/// <summary>Which grid tokens become.</summary>
public class ReshapeTokensToImageTests
{
    [Theory]
    [InlineData(17, 64, 64, 4, 4)]      // a class token and a square
    [InlineData(16, 64, 64, 4, 4)]      // 15 tokens fill nothing, so there was no class token
    [InlineData(13, 48, 64, 3, 4)]      // from the size of the image
    [InlineData(17, 32, 128, 4, 4)]     // the trap: 2×8 tokens are a whole square
    public void The_grid_is_the_reference_s(long tokens, long height, long width, long rows, long columns) =>
        Assert.Equal(TensorShape.Of(1, 6, rows, columns), Apply(new ReshapeTokensToImage(), tokens, height, width).Shape);

    [Fact]
    public void A_given_height_wins() =>
        Assert.Equal(TensorShape.Of(1, 6, 2, 8), Apply(new ReshapeTokensToImage { Height = 2 }, 17, 32, 128).Shape);

    [Fact]
    public void Frames_become_channels() =>
        Assert.Equal(TensorShape.Of(1, 18, 2, 2), Apply(new ReshapeTokensToImage { Frames = 3 }, 13, 32, 32).Shape);

    [Fact]
    public void Tokens_that_fill_no_grid_are_refused_with_their_number()
    {
        var refusal = Assert.Throws<DecoderException>(() => Apply(new ReshapeTokensToImage(), 14, 64, 64));
        Assert.Contains("14 tokens", refusal.Message, StringComparison.Ordinal);
    }

    private static Value Apply(ReshapeTokensToImage neck, long tokens, long height, long width)
    {
        var op = new GraphBuilder("test");
        var layers = new LayerBuilder(op, TensorSources.Random(0), LayerUse.Fixed);
        return Assert.Single(neck.Apply(layers, [op.Input("tokens", ElementType.Float, [1, tokens, 6])], op.Input("image", ElementType.Float, [1, 3, height, width])));
    }
}
