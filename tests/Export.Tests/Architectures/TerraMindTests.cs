using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

public class TerraMindTests
{
    private const string Family = "terramind";
    private static readonly TerraMind TerraMind = new();

    public static TheoryData<string> Sizes => [.. TerraMind.Sizes];

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Every_output_equals_the_reference(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var results = Ort.Run(GoldenCase.Model(TerraMind.Build(Weights(golden), Options(golden))), Inputs(golden));
        Assert.Equal(golden.Names.Where(tensor => tensor.StartsWith("block_", StringComparison.Ordinal)), results.Keys.Order(StringComparer.Ordinal));
        Assert.All(results, result => golden.AssertClose(result.Key, result.Value));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Attention_as_one_operator_gives_the_same_outputs(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var built = TerraMind.Build(Weights(golden), Options(golden) with { Attention = AttentionForm.Fused });
        Assert.Contains(built.Graph.Nodes, node => node.OpType == "MultiHeadAttention");
        Assert.All(Ort.Run(GoldenCase.Model(built), Inputs(golden)), result => golden.AssertClose(result.Key, result.Value));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void The_manifest_describes_inputs_and_features(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var built = TerraMind.Build(Weights(golden), Options(golden));
        var manifest = built.Manifest;
        Assert.All(manifest.Features, feature => Assert.Equal(golden.Tensor(feature.Output).Shape[2], feature.Channels));
        Assert.All(manifest.Features, feature => Assert.Equal(0, (golden.Tensor(feature.Output).Shape[1] - feature.PrefixTokens) % (feature.GridHeight * feature.GridWidth)));
        Assert.Equal(built.Graph.Outputs.Select(output => output.Name), manifest.Features.Select(feature => feature.Output));
        if (manifest.Modalities.Count > 0)
        {
            Assert.Equal(golden.NamesAndCounts("modalities").Select(entry => entry.Split('=')[0]), manifest.Modalities.Select(modality => modality.Name));
            Assert.Equal(Inputs(golden).Select(input => input.Name).Order(StringComparer.Ordinal), manifest.Modalities.Select(modality => modality.Input).OfType<string>().Order(StringComparer.Ordinal));
            Assert.All(manifest.Modalities.Where(modality => modality is { Kind: "image", Input: not null }), modality => Assert.Equal(golden.Tensor($"x.{modality.Name}").Shape[1], modality.Bands.Count));
        }
    }

    [Fact]
    public void Every_modality_brings_its_bands_and_statistics()
    {
        var manifest = TerraMind.Build(Empty("tiny"), new BackboneOptions { Modalities = ["S1GRD", "sen2l2a", "DEM", "lulc"], Bands = ["sen2l2a.B04", "sen2l2a.B8A"], Layers = [0] }).Manifest;
        Assert.Equal([("S1GRD", "image"), ("sen2l2a", "image"), ("DEM", "image"), ("lulc", "tokens")], manifest.Modalities.Select(modality => (modality.Name, modality.Kind)));
        Assert.Equal([("VV", -12.599, 5.195), ("VH", -20.293, 5.89)], manifest.Modalities[0].Bands.Select(band => (band.Id, band.Mean, band.StandardDeviation)));
        Assert.Equal([("RED", 1853.91), ("NIR_NARROW", 3132.22)], manifest.Modalities[1].Bands.Select(band => (band.Id, band.Mean)));
        Assert.Equal(4375, manifest.Modalities[3].Vocabulary);
        Assert.Equal(manifest.Modalities[0].Bands, manifest.Bands);
    }

    [Fact]
    public void Chosen_bands_take_their_columns_of_the_patch_embedding()
    {
        var weights = TerraMind.Random("tiny", 3, 0);
        const string Projection = "encoder_embeddings.untok_sen2l2a@224.proj.weight";
        var trained = weights.Take(Projection).ToSingles();
        var built = TerraMind.Build(weights, new BackboneOptions { Bands = ["GREEN", "B12"], Layers = [0] });
        var chosen = built.Graph.FindInitializer(Projection)!.Data!; // [in, out]
        Assert.Equal([16 * 16 * 2, 192], chosen.Shape);
        var values = chosen.ToSingles();
        foreach (var (output, pixel) in new[] { (0, 0), (7, 100), (191, 255) })
        {
            Assert.Equal(trained[(output * 256 * 12) + (pixel * 12) + 2], values[(pixel * 2 * 192) + output]);
            Assert.Equal(trained[(output * 256 * 12) + (pixel * 12) + 11], values[((pixel * 2) + 1) * 192 + output]);
        }
    }

    /// <summary>The matrix of a modality tells the product of channels and pixels only; the images of pretraining tell the patches of all.</summary>
    [Theory, InlineData(8), InlineData(4)]
    public void Modalities_that_pretraining_did_not_have_lie_on_the_grid_of_the_others(int patch)
    {
        var weights = DrawnWeights.TerraMind(new(48, 1, 3, patch, 3, 0, Mlp: 2), 5, qkvBias: false, projectionBias: false, mlpBias: false, isGated: true);
        weights["encoder_embeddings.AERIAL.proj.weight"] = RandomTensors.Normal(1, "aerial", [48, 16 * patch * patch], 0.1);
        weights["encoder_embeddings.AERIAL.mod_emb"] = RandomTensors.Normal(1, "mod", [1, 1, 48], 0.1);
        var options = new BackboneOptions { Heads = 3, Layers = [0], Modalities = ["AERIAL"], Tile = 24 };
        var built = TerraMind.Build(new StateDict("memory", weights), options);
        Assert.Equal((patch, 16), (built.Manifest.Patch!.Value, built.Manifest.Bands.Count));
        Assert.Equal([1, 24 / patch * (24 / patch), 48], Ort.Run(GoldenCase.Model(built), ("image", RandomTensors.Normal(1, "image", [1, 16, 24, 24], 1)))["block_0"].Shape);
        Assert.Equal(patch, TerraMind.Build(new StateDict("memory", weights), options with { Modalities = ["LULC"] }).Manifest.Patch);
    }

    [Fact]
    public void What_the_checkpoint_lacks_is_drawn_by_the_seed_and_named()
    {
        var options = new BackboneOptions { Modalities = ["S2L2A", "AERIAL=4", "S1RTC", "coords"], MissingModalities = ["S1RTC"], Merge = TokenMerge.Concat, Registers = 2, Layers = [0], Tile = 32, Seed = 9 };
        var (built, again) = (TerraMind.Build(TerraMind.Random("tiny", 1, 0), options), TerraMind.Build(TerraMind.Random("tiny", 1, 0), options));
        Assert.Contains(built.Warnings, warning => warning.Contains("no weights for the modality AERIAL", StringComparison.Ordinal));
        Assert.Contains(built.Warnings, warning => warning.Contains("no weights for the modality coords", StringComparison.Ordinal));
        Assert.Contains(built.Warnings, warning => warning.Contains("'register_tokens'", StringComparison.Ordinal));
        Assert.Contains(built.Warnings, warning => warning.Contains("'missing_mod_token'", StringComparison.Ordinal));
        Assert.Equal(WeightsHash.Compute(Weights(built)), WeightsHash.Compute(Weights(again)));
        var outputs = Ort.Run(GoldenCase.Model(built), ("S2L2A", RandomTensors.Normal(1, "a", [2, 12, 32, 32], 1)), ("AERIAL", RandomTensors.Normal(1, "b", [2, 4, 32, 32], 1)),
            ("coords", TensorData.FromValues<long>([2, 256], new long[512])));
        Assert.Equal([2, 4, 3 * 192], outputs["block_0"].Shape);

        static IEnumerable<KeyValuePair<string, TensorData>> Weights(BackboneModel model) => model.Graph.Initializers.Select(value => KeyValuePair.Create(value.Name, value.Data!));
    }

    [Fact]
    public void Sequences_and_registers_are_outputs_of_their_own_and_no_features()
    {
        var options = new BackboneOptions { Modalities = ["coords", "DEM"], Merge = TokenMerge.Dict, Registers = 3, Layers = [0], Tile = 32 };
        var built = TerraMind.Build(Empty("tiny"), options);
        Assert.Equal("DEM", built.Graph.Inputs[0].Name);
        Assert.Equal(["block_0.register_tokens", "block_0.coords", "block_0.DEM"], built.Graph.Outputs.Select(output => output.Name));
        Assert.Equal(["block_0.DEM"], built.Manifest.Features.Select(feature => feature.Output));
    }

    [Theory]
    [InlineData("has no modality 'S3'", TokenMerge.Mean, "S3")]
    [InlineData("states no number of channels", TokenMerge.Mean, "AERIAL=x")]
    [InlineData("S2L2A is listed 2 times (S2L2A, sen2l2a)", TokenMerge.Mean, "S2L2A", "sen2l2a")]
    [InlineData("have no place on the grid", TokenMerge.Mean, "coords")]
    public void Wrong_modalities_are_refused_with_what_is_right(string expected, TokenMerge merge, params string[] modalities) => Assert.Contains(expected, Assert.Throws<ExportException>(
        () => TerraMind.Build(Empty("tiny"), new BackboneOptions { Modalities = modalities, Merge = merge, Layers = [0] })).Message, StringComparison.Ordinal);

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        Refused("--merge concat", new BackboneOptions { Modalities = ["S2L2A", "DEM"], MissingModalities = ["DEM"] });
        Refused("not among the modalities", new BackboneOptions { MissingModalities = ["DEM"], Merge = TokenMerge.Concat });
        Refused("are missing", new BackboneOptions { MissingModalities = ["S2L2A"], Merge = TokenMerge.Concat });
        Refused("S2L2A.RED", new BackboneOptions { Modalities = ["S2L2A", "S1GRD"], Bands = ["RED"] });
        Refused("Did you mean 'S2L2A'?", new BackboneOptions { Bands = ["S2L1A.RED"] });
        Refused("describe one image", new BackboneOptions { Modalities = ["S2L2A", "S1GRD"], Means = [1] });

        static void Refused(string expected, BackboneOptions options) =>
            Assert.Contains(expected, Assert.Throws<ExportException>(() => TerraMind.Build(Empty("tiny"), options)).Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Sizes))]
    public void Random_weights_have_the_names_and_shapes_of_the_published_variant(string size) => OfficialShapes.AssertEqual(
        SharedData.Require(Path.Combine(SharedData.Golden, "state_dicts", $"{TerraMindVariant.All.Single(variant => variant.Size == size).Official}.json")), TerraMind.Shapes(size));

    [Theory, MemberData(nameof(Sizes))]
    public void The_published_shapes_build_under_their_own_name(string size)
    {
        var built = TerraMind.Build(Empty(size), new BackboneOptions { Modalities = ["S2L2A", "S1GRD", "NDVI"], Layers = [0] });
        Assert.Equal(TerraMindVariant.All.Single(variant => variant.Size == size).Official, built.Manifest.Variant);
        Assert.Empty(built.Warnings);
        Assert.Equal(224, built.Manifest.Tile);
    }

    /// <summary>Shapes without content.</summary>
    private static StateDict Empty(string size) => new(size, TerraMind.Shapes(size).ToDictionary(item => item.Name, item => TensorData.Deferred(ElementType.Float, item.Shape, _ => { })));

    /// <summary>The checkpoint, and weights that a case keeps beside its inputs because the checkpoint of the family lacks them.</summary>
    private static StateDict Weights(GoldenCase golden)
    {
        var weights = golden.Weights();
        var tensors = weights.Names.ToDictionary(name => name, name => weights.Peek(name)!);
        foreach (var name in golden.Names.Where(name => !name.StartsWith("x.", StringComparison.Ordinal) && !name.StartsWith("block_", StringComparison.Ordinal)))
        {
            tensors[name] = golden.Tensor(name);
        }

        return new StateDict(weights.Source, tensors);
    }

    private static BackboneOptions Options(GoldenCase golden)
    {
        var modalities = golden.NamesAndCounts("modalities");
        var names = modalities.Select(entry => entry.Split('=')[0]).ToList();
        var given = names.Select(name => $"x.{name}").Where(golden.Has).Select(name => golden.Tensor(name).Shape).ToList();
        var (image, ids) = (given.FirstOrDefault(shape => shape.Length == 4), given.FirstOrDefault(shape => shape.Length == 3));
        int? Side(int axis) => !image.IsDefault ? (int)image[axis] : ids.IsDefault ? null : (int)ids[axis - 1] * golden.Int("patch_size");
        return new()
        {
            Modalities = modalities,
            MissingModalities = [.. names.Where(name => !golden.Has($"x.{name}"))],
            Merge = golden.Knows("merge") ? Enum.Parse<TokenMerge>(golden.Text("merge")!, ignoreCase: true) : TokenMerge.None,
            Tile = Side(2),
            TileWidth = Side(3),
            Layers = [.. Enumerable.Range(0, golden.Int("encoder_depth"))],
            Heads = golden.Int("num_heads"),
        };
    }

    private static (string Name, TensorData Data)[] Inputs(GoldenCase golden)
    {
        var inputs = golden.Names.Where(name => name.StartsWith("x.", StringComparison.Ordinal)).Select(name => (name[2..], golden.Tensor(name))).ToArray();
        return inputs is [(_, { Shape.Length: 4 } image)] ? [("image", image)] : inputs;
    }
}
