using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

public class DofaTests
{
    private const string Family = "dofa";
    private static readonly Dofa Dofa = new();

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
    public void Every_block_equals_the_reference(string name, bool anyBands)
    {
        var golden = GoldenCase.Open(Family, name);
        var outputs = new[] { "patch_embed", "pooled", "logits" }.Where(golden.Has).ToList();
        var built = Dofa.Build(golden.Weights(), Options(golden, anyBands) with { Outputs = outputs });
        (string, TensorData)[] inputs = anyBands
            ? [("image", golden.Tensor("x")), ("wavelengths", golden.Tensor("wavelengths_um"))]
            : [("image", golden.Tensor("x"))];
        var results = Ort.Run(GoldenCase.Model(built), inputs);
        Assert.Equal(golden.Int("depth") + outputs.Count, results.Count);
        Assert.All(results, result => golden.AssertClose(result.Key, result.Value));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Attention_as_one_operator_gives_the_same_blocks(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var built = Dofa.Build(golden.Weights(), Options(golden, anyBands: false) with { Attention = AttentionForm.Fused });
        Assert.Contains(built.Graph.Nodes, node => node.OpType == "MultiHeadAttention");
        Assert.All(Ort.Run(GoldenCase.Model(built), ("image", golden.Tensor("x"))), result => golden.AssertClose(result.Key, result.Value));
    }

    public static TheoryData<string> ResizedCases() => [.. SharedData.Cases(Family).Where(name => GoldenCase.Open(Family, name).Has("pos_embed"))];

    [Theory(SkipTestWithoutData = true), MemberData(nameof(ResizedCases))]
    public void The_position_table_is_resized_as_PyTorch_resizes_it(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        golden.AssertClose("pos_embed", Dofa.Build(golden.Weights(), Options(golden, anyBands: false)).Graph.FindInitializer("pos_embed")!.Data!);
    }

    [Fact]
    public void Known_bands_leave_no_generator_in_the_file()
    {
        var built = Dofa.Build(Dofa.Random("tiny", 1, 1), new BackboneOptions { Bands = ["VV", "VH"] });
        Assert.DoesNotContain(built.Graph.Initializers, value => value.Name.Contains("weight_generator", StringComparison.Ordinal));
        Assert.Equal([96, 2, 8, 8], built.Graph.FindInitializer("patch_embed.proj.weight")!.Data!.Shape);
        Assert.Equal([5.405, 5.405], built.Manifest.Bands.Select(band => band.WavelengthMicrometres!.Value));
    }

    [Fact]
    public void Without_bands_the_error_says_how_to_name_them() =>
        Assert.Contains("--bands", Assert.Throws<ExportException>(() => Dofa.Build(Dofa.Random("tiny", 1, 1), new BackboneOptions())).Message, StringComparison.Ordinal);

    [Fact]
    public void Layers_choose_the_outputs_and_cut_off_the_blocks_behind_them()
    {
        var built = Dofa.Build(Dofa.Random("tiny", 1, 1), new BackboneOptions { Bands = ["B02"], Layers = [0, -3] });
        Assert.Equal(["block_0", "block_1"], built.Graph.Outputs.Select(output => output.Name));
        Assert.Equal(built.Manifest.Features.Select(feature => feature.Output), built.Graph.Outputs.Select(output => output.Name));
        Assert.DoesNotContain(built.Graph.Initializers, value => value.Name.StartsWith("blocks.2.", StringComparison.Ordinal));
    }

    [Fact]
    public void A_layer_that_does_not_exist_is_refused_with_the_number_of_blocks() => Assert.Contains("4 blocks", Assert.Throws<ExportException>(
        () => Dofa.Build(Dofa.Random("tiny", 1, 1), new BackboneOptions { Bands = ["B02"], Layers = [4] })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_tile_that_is_no_multiple_of_the_patch_is_refused() => Assert.Contains("--tile 96", Assert.Throws<ExportException>(
        () => Dofa.Build(Dofa.Random("tiny", 1, 1), new BackboneOptions { Bands = ["B02"], Tile = 100 })).Message, StringComparison.Ordinal);

    [Theory, InlineData("small"), InlineData("base"), InlineData("large"), InlineData("huge")]
    public void Random_weights_have_the_names_and_shapes_of_the_published_variant(string size)
    {
        var file = Directory.GetFiles(SharedData.Require(Path.Combine(SharedData.Golden, "state_dicts")), $"dofa_{size}_*.json").Single();
        OfficialShapes.AssertEqual(file, Dofa.Shapes(size));
    }

    private static BackboneOptions Options(GoldenCase golden, bool anyBands) => new()
    {
        Bands = anyBands ? null : golden.Texts("bands"),
        Wavelengths = anyBands ? null : golden.Doubles("wavelengths_um"),
        AnyBands = anyBands,
        Tile = (int)golden.Tensor("x").Shape[^2],
        TileWidth = (int)golden.Tensor("x").Shape[^1],
        PositionResampling = golden.Text("mode") == "bilinear" ? PositionResampling.Bilinear : PositionResampling.Bicubic,
        Layers = [.. Enumerable.Range(0, golden.Int("depth"))],
        Heads = golden.Int("num_heads"),
    };
}
