using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Detection;
using EoOnnx.Export.Models;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>data2vec of SSL4EO-S12: BEiT's vision transformer with relative positions, layer scale and no bias of keys.</summary>
public class Data2VecTests
{
    private const string Table = "rel_pos_bias.relative_position_bias_table";
    private static readonly VisionTransformer Backbone = new();
    private static readonly DrawnSizes Small = new(24, 2, 3, 4, 3, 2);

    public static TheoryData<long, int, int, int, int, int, int, int, bool, bool> Sizes => new()
    {
        // width, depth, heads, patch, grid, channels, rows, columns, one table for all blocks, absolute positions too
        { 24, 2, 3, 4, 3, 13, 3, 3, true, false },
        { 40, 3, 5, 3, 4, 2, 4, 4, false, false },
        { 16, 2, 2, 5, 5, 3, 5, 5, true, true },
        { 24, 2, 3, 4, 4, 2, 7, 7, true, false },   // another size than the tables were made for
        { 24, 2, 4, 4, 5, 2, 3, 8, false, true },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Every_block_agrees_with_plain_loops_in_double_precision(long width, int depth, int heads, int patch, int grid, int channels, int rows, int columns, bool areShared, bool arePlaced)
    {
        var sizes = new DrawnSizes(width, depth, heads, patch, grid, channels, Mlp: 3);
        var weights = DrawnWeights.Data2Vec(sizes, 80 + width, areShared);
        if (arePlaced)
        {
            weights["pos_embed"] = RandomTensors.Uniform(4, "pos_embed", [1, 1 + (grid * grid), width], 0.5);
        }

        var options = new BackboneOptions
        {
            Tile = rows * patch, TileWidth = columns * patch, Layers = [.. Enumerable.Range(0, depth)], Outputs = ["tokens", "pooled"], Bands = [.. Enumerable.Range(0, channels).Select(i => $"band{i}")], Wavelengths = [.. Enumerable.Range(0, channels).Select(i => 0.4 + (0.1 * i))],
        };
        var built = Backbone.Build(new StateDict("memory", weights), options);
        var image = RandomTensors.Normal(5, "image", [1, channels, rows * patch, columns * patch], 1);
        var (found, fused) = (Run(built, image), Run(Backbone.Build(new StateDict("memory", weights), options with { Attention = AttentionForm.Fused }), image));
        var plain = new PlainVit(weights, sizes, 1e-6);

        // A resized table of absolute positions is proven by itself.
        double[] places = arePlaced ? [.. built.Graph.FindInitializer("pos_embed")!.Data!.ToSingles().Select(value => (double)value)] : new double[(1 + (rows * columns)) * width];
        var x = plain.Embed(image.ToSingles(), rows, columns, places);
        for (var layer = 0; layer < depth; layer++)
        {
            var table = weights[areShared ? Table : $"blocks.{layer}.attn.relative_position_bias_table"];
            x = plain.Block(x, $"blocks.{layer}", Bias(PlainSpline.Resize(table, grid, rows, columns), rows, columns, heads));
            Close($"block_{layer}", x);
        }

        Close("tokens", plain.Normalize(x, "norm"));
        var mean = Enumerable.Range(0, (int)width).Select(unit => x.Skip(1).Average(token => token[unit])).ToArray();
        var deviation = Math.Sqrt(mean.Average(value => (value - mean.Average()) * (value - mean.Average())) + 1e-6);
        GoldenCase.AssertClose("pooled", TensorData.FromValues<float>([1, width], [.. mean.Select(value => (float)((value - mean.Average()) / deviation))]), found["pooled"]);
        Assert.Empty(built.Warnings);

        void Close(string name, double[][] expected)
        {
            var tensor = TensorData.FromValues<float>([1, expected.Length, width], [.. expected.SelectMany(token => token).Select(value => (float)value)]);
            GoldenCase.AssertClose(name, tensor, found[name]);
            GoldenCase.AssertClose(name, tensor, fused[name]);
        }
    }

    [Fact]
    public void Heads_are_those_of_the_table_and_another_number_is_refused_with_both()
    {
        var weights = DrawnWeights.Data2Vec(Small, 3);
        Assert.NotNull(Build(weights));
        var message = Assert.Throws<ExportException>(() => Build(weights, new BackboneOptions { Heads = 4 })).Message;
        Assert.Contains("3 attention heads", message, StringComparison.Ordinal);
        Assert.Contains("asks for 4", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_is_told_to_be_a_vision_transformer_with_its_grid_and_its_heads_also_for_three_bands()
    {
        foreach (var areShared in new[] { true, false })
        {
            var found = FamilyDetector.Detect(new StateDict("memory", DrawnWeights.Data2Vec(Small with { Channels = 3 }, 3, areShared).ToDictionary(item => $"module.{item.Key}", item => item.Value)));
            Assert.Equal(("vit", "module.", 2, 24, 4, 3, 9, 3), (found?.Family, found?.Prefix, found?.Depth, found?.Width, found?.Patch, found?.Channels, found?.Positions, found?.Heads));
        }
    }

    [Theory]
    [InlineData("blocks.1.attn.q_bias")]
    [InlineData("blocks.0.attn.v_bias")]
    [InlineData("blocks.1.gamma_2")]
    [InlineData("blocks.0.norm2.bias")]
    [InlineData("cls_token")]
    public void A_missing_weight_is_named(string name) => AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights.Remove(name), name);

    [Fact]
    public void Weights_that_do_not_fit_are_refused_by_name()
    {
        AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights.Remove(Table), "pos_embed");
        AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights[Table] = Zeros(27, 3), Table, "[27, 3]", "(2·grid − 1)² + 3");
        AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights[Table] = Zeros(28), "[28]");
        AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights["blocks.1.attn.v_bias"] = Zeros(23), "blocks.1.attn.v_bias", "[23]", "[24]");
        AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights["blocks.0.attn.q_bias"] = Zeros(1, 24), "blocks.0.attn.q_bias");
        AssertRefused(DrawnWeights.Data2Vec(Small, 3), weights => weights["blocks.0.gamma_1"] = Zeros(25), "[25]", "[24]");
        AssertRefused(DrawnWeights.Data2Vec(Small, 3, areShared: false), weights => weights["blocks.1.attn.relative_position_bias_table"] = Zeros(28, 2), "blocks.1.attn.relative_position_bias_table", "[28, 2]", "[28, 3]");
        Assert.Null(FamilyDetector.Detect(new StateDict("memory", new Dictionary<string, TensorData>(DrawnWeights.Data2Vec(Small, 3)) { [Table] = Zeros(27, 3) }))?.Heads);
    }

    [Fact]
    public void A_tile_of_more_pairs_of_tokens_than_can_be_held_is_refused_before_they_are_made()
    {
        var message = Assert.Throws<ExportException>(() => Build(DrawnWeights.Data2Vec(Small, 3), new BackboneOptions { Tile = 4096 })).Message;
        Assert.Contains("1024 x 1024 patches", message, StringComparison.Ordinal);
        Assert.Contains("at most 4097", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Relative_positions_of_fewer_than_three_by_three_patches_fit_no_other_tile()
    {
        foreach (var grid in new[] { 1, 2 })
        {
            Assert.NotNull(Build(DrawnWeights.Data2Vec(Small with { Grid = grid }, 3)));
            Assert.Contains("leave out --tile", Assert.Throws<ExportException>(() => Build(DrawnWeights.Data2Vec(Small with { Grid = grid }, 3), new BackboneOptions { Tile = 12 })).Message, StringComparison.Ordinal);
        }

        Assert.NotNull(Build(DrawnWeights.Data2Vec(Small with { Grid = 3 }, 3), new BackboneOptions { Tile = 8 }));
    }

    [Fact]
    public void The_card_counts_the_weights_of_the_official_encoder()
    {
        var card = ModelCards.Find("vit_small_patch16_sentinel2_all_data2vec_ssl4eo_s12");
        var official = DrawnWeights.Data2Vec(new(384, 12, 6, 16, 14, 13), 1);
        var unused = new[] { "mask_token", "lm_head.weight", "lm_head.bias", "rel_pos_bias.relative_position_index" };
        Assert.Equal(official.Where(item => !unused.Contains(item.Key)).Sum(item => item.Value.Count), card.Parameters);
        Assert.Equal((13, 16, 224), (card.Inputs[0].Bands.Count, card.Patch, card.Tile));
        var found = FamilyDetector.Detect(new StateDict("memory", official));
        Assert.Equal(("vit_small_patch16_224", true, 6), (found?.Variant, found!.IsOfficialSize, found.Heads));
    }

    private static BackboneModel Build(Dictionary<string, TensorData> weights, BackboneOptions? options = null) => Backbone.Build(new StateDict("memory", weights), (options ?? new()) with { Bands = ["VV", "VH"] });

    private static void AssertRefused(Dictionary<string, TensorData> weights, Action<Dictionary<string, TensorData>> damage, params string[] words)
    {
        damage(weights);
        var message = Assert.Throws<FileFormatException>(() => Build(weights)).Message;
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    private static Dictionary<string, TensorData> Run(BackboneModel built, TensorData image) => Ort.Run(GoldenCase.Model(built), ("image", image));

    // Offsets of rows and columns count from the most negative one; behind them class token to patch, patch to class token, class token to itself.
    private static double[][] Bias(double[][] table, int rows, int columns, int heads)
    {
        var tokens = 1 + (rows * columns);
        return [.. Enumerable.Range(0, heads).Select(head => Enumerable.Range(0, tokens * tokens).Select(i =>
        {
            var (query, key) = (i / tokens, i % tokens);
            var line = query == 0 && key == 0 ? table.Length - 1 : key == 0 ? table.Length - 2 : query == 0 ? table.Length - 3
                : ((((query - 1) / columns) - ((key - 1) / columns) + rows - 1) * ((2 * columns) - 1)) + ((query - 1) % columns) - ((key - 1) % columns) + columns - 1;
            return table[line][head];
        }).ToArray())];
    }

    private static TensorData Zeros(params long[] shape) => RandomTensors.Constant(shape, 0);
}
