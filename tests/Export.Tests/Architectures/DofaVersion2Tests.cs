using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Detection;
using EoOnnx.Export.Models;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>DOFA's second version: a generated patch embedding before timm's transformer with layer scale and learnt positions.</summary>
public class DofaVersion2Tests
{
    private static readonly Dofa Dofa = new();

    public static TheoryData<long, int, int, int, int, int, int, int> Sizes => new()
    {
        // width, depth, heads, patch, grid, hidden / width, rows, columns
        { 24, 2, 3, 14, 3, 4, 3, 3 },     // as trained
        { 40, 3, 5, 5, 4, 2, 6, 3 },      // one side grows, one shrinks
        { 32, 1, 4, 7, 5, 3, 2, 7 },
        { 16, 2, 2, 3, 2, 4, 5, 5 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Every_block_agrees_with_plain_loops_in_double_precision(long width, int depth, int heads, int patch, int grid, int mlp, int rows, int columns)
    {
        double[] micrometres = [0.665, 0.832, 2.2, 5.405, 12];
        var sizes = new DrawnSizes(width, depth, heads, patch, grid, micrometres.Length, mlp);
        var weights = DrawnWeights.DofaV2(sizes, 50 + width);
        var options = new BackboneOptions
        {
            Tile = rows * patch, TileWidth = columns * patch, Heads = heads, Layers = [.. Enumerable.Range(0, depth)], Outputs = ["pooled"],
        };
        var image = RandomTensors.Normal(9, "image", [1, micrometres.Length, rows * patch, columns * patch], 1);
        var plain = Plain(weights, sizes, micrometres);
        var x = plain.Embed(image.ToSingles(), rows, columns, Positions(weights["model.pos_embed"], grid, rows, columns), padding: 1);
        var expected = new List<(string Name, TensorData Data)>();
        for (var layer = 0; layer < depth; layer++)
        {
            x = plain.Block(x, $"blocks.{layer}");
            expected.Add(($"block_{layer}", Tensor([1, x.Length, width], x)));
        }

        expected.Add(("pooled", Tensor([1, width], plain.Normalize(x[..1], "norm"))));
        var named = Dofa.Build(new StateDict("memory", weights), options with { Wavelengths = micrometres });
        var open = Dofa.Build(new StateDict("memory", weights), options with { AnyBands = true });
        var fromNamed = Ort.Run(GoldenCase.Model(named), ("image", image));
        var fromOpen = Ort.Run(GoldenCase.Model(open), ("image", image), ("wavelengths", TensorData.FromValues<float>([micrometres.Length], [.. micrometres.Select(length => (float)length)])));
        Assert.All(expected, output => GoldenCase.AssertClose(output.Name, output.Data, fromNamed[output.Name]));
        Assert.All(expected, output => GoldenCase.AssertClose(output.Name, output.Data, fromOpen[output.Name]));
        Assert.All(named.Manifest.Features, feature => Assert.Equal((rows, columns, 1), (feature.GridHeight, feature.GridWidth, feature.PrefixTokens)));
        Assert.Empty(named.Warnings);
    }

    [Fact]
    public void Weights_of_blocks_have_the_names_that_those_of_the_first_version_have()
    {
        var built = Dofa.Build(Dofa.Random("v2-tiny", 1, 1), new BackboneOptions { Bands = ["B02"] });
        var names = built.Graph.Initializers.Select(value => value.Name).ToList();
        Assert.Contains("blocks.0.attn.qkv.weight", names);
        Assert.DoesNotContain(names, name => name.StartsWith("model.", StringComparison.Ordinal));
        Assert.Equal(("DOFA v2", (string?)null, 14, 112), (built.Manifest.Name, built.Manifest.Variant, built.Manifest.Patch, built.Manifest.Tile));
    }

    [Theory, InlineData("v2-base", "dofav2_base_patch14_224"), InlineData("v2-large", "dofav2_large_patch14_224")]
    public void Names_and_shapes_of_the_official_files_lead_to_the_variant_and_its_card(string size, string variant)
    {
        var shapes = Dofa.Shapes(size).ToList();
        var weights = new StateDict(size, shapes.ToDictionary(item => item.Name, item => TensorData.Deferred(ElementType.Float, item.Shape, _ => { })));
        var found = FamilyDetector.Detect(weights);
        Assert.Equal(("dofa", 2, variant, true, 14, 256), (found?.Family, found?.Version, found?.Variant, found?.IsOfficialSize, found?.Patch, found?.Positions));
        var card = ModelCards.Find(variant);
        Assert.Equal(shapes.Sum(item => item.Shape.Aggregate(1L, (product, extent) => product * extent)), card.Parameters);
        Assert.Equal((14, 224, true), (card.Patch, card.Tile, card.AnyBands));

        // 4 bytes a weight, and less than 512 bytes a tensor for names, shapes and alignment.
        Assert.True(card.Bytes is null || (card.Bytes - (4 * card.Parameters) is var more && more > 0 && more < 512 * shapes.Count), $"{card.Bytes} bytes");
    }

    [Fact]
    public void The_versions_are_told_apart_also_where_nobody_has_published_the_size()
    {
        var sizes = new DrawnSizes(24, 2, 3, 4, 4, 0);
        var (first, second) = (FamilyDetector.Detect(new StateDict("memory", DrawnWeights.Dofa(sizes, 1))), FamilyDetector.Detect(new StateDict("memory", DrawnWeights.DofaV2(sizes, 1))));
        Assert.Equal((1, 2), (first?.Version, second?.Version));
        Assert.Equal((2, 24, 4, 16), (second?.Depth, second?.Width, second?.Patch, second?.Positions));
        Assert.DoesNotContain("dofav2", first!.Variant, StringComparison.Ordinal);
        Assert.StartsWith("dofav2", second!.Variant, StringComparison.Ordinal);
    }

    [Fact]
    public void A_transformer_whose_names_stand_beside_the_patch_embedding_is_the_same_model()
    {
        var weights = DrawnWeights.DofaV2(new(24, 2, 3, 4, 4, 0), 3);
        weights.Remove("norm.weight");
        weights.Remove("norm.bias");
        var flat = weights.ToDictionary(item => item.Key.StartsWith("model.", StringComparison.Ordinal) ? item.Key["model.".Length..] : item.Key, item => item.Value);
        var options = new BackboneOptions { Heads = 3, Bands = ["B02", "VV"], Tile = 28 };
        var (nested, beside) = (Dofa.Build(new StateDict("memory", weights), options), Dofa.Build(new StateDict("memory", flat), options));
        Assert.Equal(
            nested.Graph.Initializers.Select(value => (value.Name, Convert.ToHexString(value.Data!.Bytes.Span))), beside.Graph.Initializers.Select(value => (value.Name, Convert.ToHexString(value.Data!.Bytes.Span))));
        Assert.Equal(nested.Graph.Nodes.Select(node => node.OpType), beside.Graph.Nodes.Select(node => node.OpType));
    }

    [Theory]
    [InlineData("model.blocks.1.ls2.gamma")]
    [InlineData("model.blocks.0.ls1.gamma")]
    [InlineData("model.blocks.1.mlp.fc2.bias")]
    [InlineData("model.pos_embed")]
    [InlineData("model.cls_token")]
    [InlineData("patch_embed.weight_generator.fc_bias.weight")]
    [InlineData("patch_embed.fclayer.w2.bias")]
    [InlineData("patch_embed.weight_generator.transformer_encoder.layers.0.norm2.weight")]
    public void A_missing_weight_is_named_as_the_file_would_name_it(string name) => AssertRefused(weights => weights.Remove(name), name);

    [Fact]
    public void Weights_that_do_not_fit_are_refused_with_both_shapes()
    {
        AssertRefused(weights => weights["model.blocks.0.ls1.gamma"] = Zeros(23), "[23]", "[24]");
        AssertRefused(weights => weights["model.pos_embed"] = Zeros(1, 18, 24), "square grid");
        AssertRefused(weights => weights["model.pos_embed"] = Zeros(17, 24), "[17, 24]", "[1, any, any]");
        AssertRefused(weights => weights["patch_embed.weight_generator.fc_weight.weight"] = Zeros(100, 128), "100 rows", "patch² · 24");
        AssertRefused(weights => weights["patch_embed.weight_generator.weight_tokens"] = Zeros(128), "[128]", "[any, any]");
        AssertRefused(weights => weights["model.blocks.0.attn.qkv.weight"] = Zeros(72, 25), "[72, 25]");
    }

    [Fact]
    public void What_nothing_uses_is_told_but_for_the_last_normalisation()
    {
        var weights = DrawnWeights.DofaV2(new(24, 2, 3, 4, 4, 0), 3);
        weights["model.surprise"] = Zeros(3);
        var warning = Assert.Single(Dofa.Build(new StateDict("memory", weights), new BackboneOptions { Heads = 3, Bands = ["B02"] }).Warnings);
        Assert.Contains("1 tensors", warning, StringComparison.Ordinal);
        Assert.Contains("model.surprise", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Bands_must_be_named_and_a_side_that_is_no_multiple_of_the_patch_is_refused()
    {
        var weights = new StateDict("memory", DrawnWeights.DofaV2(new(24, 2, 3, 14, 2, 0), 3));
        Assert.Contains("--bands", Assert.Throws<ExportException>(() => Dofa.Build(weights, new BackboneOptions { Heads = 3 })).Message, StringComparison.Ordinal);
        Assert.Contains("--tile 252", Assert.Throws<ExportException>(() => Dofa.Build(weights, new BackboneOptions { Heads = 3, Bands = ["B02"], Tile = 256 })).Message, StringComparison.Ordinal);
    }

    private static void AssertRefused(Action<Dictionary<string, TensorData>> damage, params string[] words)
    {
        var weights = DrawnWeights.DofaV2(new(24, 2, 3, 4, 4, 0), 3);
        damage(weights);
        var message = Assert.Throws<FileFormatException>(() => Dofa.Build(new StateDict("damaged.pth", weights), new BackboneOptions { Heads = 3, Bands = ["B02"] })).Message;
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    /// <summary>The transformer, with a kernel that is generated beside the product's code.</summary>
    internal static PlainVit Plain(Dictionary<string, TensorData> weights, DrawnSizes sizes, IReadOnlyList<double> micrometres)
    {
        var (kernel, bias) = new PlainDofaKernel(weights).Of(micrometres, sizes.Patch, (int)sizes.Width);
        var plain = weights.Where(item => item.Key.StartsWith("model.", StringComparison.Ordinal)).ToDictionary(item => item.Key["model.".Length..], item => item.Value);
        (plain["patch_embed.proj.weight"], plain["patch_embed.proj.bias"]) = (kernel, bias);
        return new PlainVit(plain, sizes, 1e-6);
    }

    // timm's resample_abs_pos_embed: each axis by the antialiased bicubic filter of Pillow (a = −0.5, as wide as the grid shrinks, weights of sum 1).
    internal static double[] Positions(TensorData table, int grid, int rows, int columns)
    {
        var (values, width) = (table.ToSingles(), (int)table.Shape[2]);
        var (vertical, horizontal) = (Filter(rows), Filter(columns));
        return [.. Enumerable.Range(0, 1 + (rows * columns)).SelectMany(token => Enumerable.Range(0, width).Select(unit => token == 0 ? values[unit] : Enumerable.Range(0, grid * grid).Sum(source =>
            vertical[(token - 1) / columns][source / grid] * horizontal[(token - 1) % columns][source % grid] * values[((1 + source) * width) + unit])))];

        double[][] Filter(int target) => [.. Enumerable.Range(0, target).Select(i =>
        {
            var (ratio, stretch) = ((double)grid / target, Math.Max(1, (double)grid / target));
            var taps = Enumerable.Range(0, grid).Select(source => grid == target ? (source == i ? 1 : 0) : Keys(Math.Abs(source + 0.5 - ((i + 0.5) * ratio)) / stretch)).ToArray();
            return taps.Select(tap => tap / taps.Sum()).ToArray();
        })];

        static double Keys(double x) => x < 1 ? (((1.5 * x) - 2.5) * x * x) + 1 : x < 2 ? (((((-0.5 * x) + 2.5) * x) - 4) * x) + 2 : 0;
    }

    private static TensorData Tensor(long[] shape, double[][] tokens) => TensorData.FromValues<float>(shape, [.. tokens.SelectMany(token => token).Select(value => (float)value)]);

    private static TensorData Zeros(params long[] shape) => RandomTensors.Constant(shape, 0);
}
