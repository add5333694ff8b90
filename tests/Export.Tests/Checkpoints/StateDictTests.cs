using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Checkpoints;

public sealed class StateDictTests
{
    [Fact]
    public void A_view_below_a_prefix_has_the_names_without_it_and_counts_what_is_taken_there()
    {
        var weights = Weights("encoder.a", "encoder.b", "encoder", "encoder/", "encoders.c", "decoder.a");
        var encoder = weights.Below("encoder.");
        Assert.Equal(["a", "b"], encoder.Names);
        encoder.Take("a");
        Assert.Equal(["b"], encoder.Unused);
        Assert.Equal(["decoder.a", "encoder", "encoder.b", "encoder/", "encoders.c"], weights.Unused);
        Assert.Equal(2, encoder.Count);
        Assert.Equal(0, weights.Below("absent.").Count);
        Assert.Equal(6, weights.Below("").Count);
    }

    [Fact]
    public void Blocks_are_counted_up_to_the_first_gap()
    {
        var weights = Weights([.. Enumerable.Range(0, 12).Where(index => index != 10).Select(index => $"net.blocks.{index}.w"), "net.blocks.1x.w", "net.blocks"]);
        Assert.Equal(10, weights.CountBlocks("net.blocks"));
        Assert.Equal(10, weights.Below("net.").CountBlocks("blocks"));
        Assert.Equal(0, weights.CountBlocks("blocks"));
    }

    [Theory]
    [InlineData("", "module.backbone.x"), InlineData("x", "module.backbone.x", "module.backbone.y"), InlineData("x", "_timm_module.x", "_timm_module.y")]
    [InlineData("model.x", "model.x", "head.y")]
    public void What_wrappers_put_in_front_of_every_name_can_be_taken_off(string first, params string[] names)
    {
        var found = Weights(names).WithoutCommonPrefix().Names;
        Assert.Equal(names.Length, found.Count());
        Assert.Contains(first.Length > 0 ? first : "x", found);
    }

    [Fact]
    public void Missing_weights_are_counted_and_the_first_five_named()
    {
        var failure = Assert.Throws<FileFormatException>(() => Weights("other").RequireAll(Enumerable.Range(0, 9).Select(index => $"blocks.{index}.attn")));
        Assert.Contains("file.pth lacks 9 weights: blocks.0.attn, blocks.1.attn, blocks.2.attn, blocks.3.attn, blocks.4.attn, …", failure.Message, StringComparison.Ordinal);
        Weights("a", "b").RequireAll(["a", "b"]);
    }

    [Fact]
    public void A_missing_prefix_a_surplus_one_and_a_near_name_are_told()
    {
        var many = Weights([.. Enumerable.Range(0, 7).Select(index => $"module.blocks.{index}.w")]);
        Assert.Contains("With the prefix 'module.' there are 7 of them", Refusal(() => many.RequireAll(Enumerable.Range(0, 9).Select(index => $"blocks.{index}.w"))), StringComparison.Ordinal);
        Assert.Contains("There is 'encoder.norm.weight': does the prefix 'encoder.' differ?", Refusal(() => Weights("encoder.norm.weight").Take("norm.weight")), StringComparison.Ordinal);
        Assert.Contains("There is 'norm.weight': does the prefix 'encoder.' differ?", Refusal(() => Weights("norm.weight").Take("encoder.norm.weight")), StringComparison.Ordinal);
        Assert.Contains("The closest name is 'blocks.0.attn.qkv.weight'", Refusal(() => Weights("blocks.0.attn.qkv.weight", "blocks.0.norm").Take("blocks.0.attn.kqv.weight")), StringComparison.Ordinal);
        Assert.Contains("It has 1 tensors: cls", Refusal(() => Weights("cls").Take("blocks.0.attn.kqv.weight")), StringComparison.Ordinal);
        Assert.Contains("none of them below 'encoder.'", Refusal(() => Weights("a").Below("encoder.").Take("blocks.0.attn.kqv.weight")), StringComparison.Ordinal);
        Assert.Contains("It has no tensors", Refusal(() => Weights().Take("w")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_shape_is_told_with_both_shapes()
    {
        var weights = Weights("w");
        Assert.Equal(6, weights.Take("w", 2, -1).Count);
        Assert.Contains("'w' has the shape [2, 3]; expected [any, 4]", Refusal(() => weights.Take("w", -1, 4)), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_nobody_took_are_told_in_one_sentence()
    {
        var weights = Weights("a", "b", "c", "d", "e", "f", "g");
        weights.Take("b");
        Assert.Equal("file.pth has 6 weights that the model does not use: a, c, d, e, f, ….", weights.DescribeUnused());
        Assert.NotNull(weights.Peek("a"));
        Assert.Equal(6, weights.Unused.Count);
    }

    private static string Refusal(Action action) => Assert.Throws<FileFormatException>(action).Message;

    private static StateDict Weights(params string[] names) =>
        new("file.pth", names.ToDictionary(name => name, _ => TensorData.FromValues<float>([2, 3], new float[6])));
}
