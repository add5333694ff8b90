using CsCheck;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Tests;

/// <summary>Padding to twice the patch, and the cut that undoes it.</summary>
public class ImagePaddingTests
{
    [Fact]
    public void The_cut_undoes_the_padding_for_any_size_patch_and_mode() =>
        Gen.Select(Gen.Int[9, 40], Gen.Int[9, 40], Gen.Int[1, 6], Gen.Int[0, 3].Select(i => new[] { "reflect", "constant", "replicate", "circular" }[i])).Sample((height, width, patch, mode) =>
        {
            var op = new GraphBuilder("test");
            var image = op.Input("image", ElementType.Float, [1, 1, height, width]);
            var padding = ImagePadding.ForPatch(patch, mode);
            var padded = padding.Pad(op, image);
            Assert.Equal(0, padded.KnownShape[2].Value!.Value % (2 * patch));
            Assert.Equal(padding.Padded(width), padded.KnownShape[3].Value);
            op.Output(ImagePadding.Crop(op, padded, image), "same");
            var data = RandomTensors.Uniform(1, "image", [1, 1, height, width], 1);
            Assert.Equal(data.ToSingles(), Ort.Run(new OnnxModel(op.Graph), ("image", data))["same"].ToSingles());
        }, iter: 40);

    [Fact]
    public void An_image_that_is_too_small_to_be_mirrored_is_refused_with_both_sizes()
    {
        var op = new GraphBuilder("test");
        var refusal = Assert.Throws<DecoderException>(() => ImagePadding.ForPatch(16).Pad(op, op.Input("image", ElementType.Float, [1, 1, 5, 32])));
        Assert.Contains("5 pixels", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("32", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_modes_are_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => new ImagePadding(8, "mirror"));
}
