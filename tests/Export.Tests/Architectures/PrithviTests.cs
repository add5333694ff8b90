using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

public class PrithviTests
{
    private const string Family = "prithvi";
    private static readonly Prithvi Prithvi = new();

    public static TheoryData<string> Sizes => [.. Prithvi.Sizes];

    public static TheoryData<string> CasesWithCoordinates() =>
        SharedData.Cases(Family).Where(name => GoldenCase.Open(Family, name) is var golden && Coordinates(golden).Length > 0).ToList() is { Count: > 0 } cases ? [.. cases] : [""];

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Every_block_equals_the_reference(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var results = Ort.Run(GoldenCase.Model(Prithvi.Build(golden.Weights(), Options(golden))), Inputs(golden));
        Assert.Equal(golden.Int("depth"), results.Count);
        Assert.All(results, result => golden.AssertClose(result.Key, result.Value));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void Attention_as_one_operator_gives_the_same_blocks(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var built = Prithvi.Build(golden.Weights(), Options(golden) with { Attention = AttentionForm.Fused });
        Assert.Contains(built.Graph.Nodes, node => node.OpType == "MultiHeadAttention");
        Assert.All(Ort.Run(GoldenCase.Model(built), Inputs(golden)), result => golden.AssertClose(result.Key, result.Value));
    }

    /// <summary>One file serves samples with and without coordinates, in one batch too.</summary>
    [Theory, MemberData(nameof(CasesWithCoordinates))]
    public void Coordinates_that_are_not_known_count_as_absent_sample_by_sample(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var model = GoldenCase.Model(Prithvi.Build(golden.Weights(), Options(golden) with { Layers = [-1] }));
        var image = golden.Tensor("x");
        var known = Ort.Run(model, Inputs(golden)).Values.Single().ToSingles();
        var absent = Ort.Run(model, ("image", image)).Values.Single().ToSingles();
        var mixed = Ort.Run(model, [("image", image), .. Coordinates(golden).Select(input => (input.Name, FirstUnknown(input.Data)))]).Values.Single().ToSingles();
        var sample = mixed.Length / (int)image.Shape[0];
        Assert.NotEqual(known[..sample], absent[..sample]);
        Close(absent[..sample], mixed[..sample]);
        Close(known[sample..], mixed[sample..]);

        static TensorData FirstUnknown(TensorData coordinates)
        {
            var values = coordinates.ToSingles();
            values.AsSpan(0, values.Length / (int)coordinates.Shape[0]).Fill(float.NaN);
            return TensorData.FromValues<float>(coordinates.Shape.AsSpan(), values);
        }

        static void Close(float[] expected, float[] actual) => Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Theory, MemberData(nameof(GoldenCase.All), Family, MemberType = typeof(GoldenCase))]
    public void The_manifest_describes_input_and_features(string name)
    {
        var golden = GoldenCase.Open(Family, name);
        var manifest = Prithvi.Build(golden.Weights(), Options(golden)).Manifest;
        var shape = golden.Tensor("x").Shape;
        Assert.Equal(shape[1], manifest.Bands.Count);
        Assert.Equal(golden.Int("num_frames"), manifest.Frames);
        Assert.Equal(golden.Ints("patch_size")[1], manifest.Patch);
        var tokens = golden.Tensor("block_0").Shape[1];
        Assert.All(manifest.Features, feature => Assert.Equal(tokens, feature.PrefixTokens + ((long)manifest.Frames / golden.Ints("patch_size")[0] * feature.GridHeight * feature.GridWidth)));
        Assert.Equal(golden.Ints("patch_size").Skip(1).Select((patch, axis) => shape[^(2 - axis)] / patch), new long[] { manifest.Features[0].GridHeight, manifest.Features[0].GridWidth });
        Assert.Equal(golden.Knows("coords_encoding") && golden.Texts("coords_encoding").Length > 0, manifest.OptionalInputs.Count > 0);
    }

    [Fact]
    public void Bands_bring_the_statistics_of_the_generation()
    {
        var first = Prithvi.Build(Empty("v1-100"), new BackboneOptions { Layers = [0] }).Manifest;
        var second = Prithvi.Build(Empty("v2-100"), new BackboneOptions { Layers = [0], Bands = ["SWIR_2", "B04"] }).Manifest;
        Assert.Equal(("prithvi_eo_v1_100", 775.0, 1282.0, 0.49), (first.Variant, first.Bands[0].Mean, first.Bands[0].StandardDeviation, first.Bands[0].WavelengthMicrometres));
        Assert.Equal("prithvi_eo_v2_100", second.Variant);
        Assert.Equal([("SWIR_2", 1363.0, 1049.0), ("RED", 1433.0, 2178.0)], second.Bands.Select(band => (band.Id, band.Mean, band.StandardDeviation)));
    }

    [Fact]
    public void A_band_without_trained_weights_gets_seeded_ones_and_a_warning_that_names_it()
    {
        var weights = Prithvi.Random("tiny", 1, 0);
        var options = new BackboneOptions { Bands = ["RED", "RED_EDGE_1", "VV"], Layers = [0], Seed = 5 };
        var (built, again, other) = (Prithvi.Build(weights, options), Prithvi.Build(weights, options), Prithvi.Build(weights, options with { Seed = 6 }));
        var warning = Assert.Single(built.Warnings);
        Assert.Contains("no weights for RED_EDGE_1, VV", warning, StringComparison.Ordinal);
        Assert.Contains("BLUE, GREEN, RED, NIR_NARROW, SWIR_1, SWIR_2", warning, StringComparison.Ordinal);
        var (kernel, trained) = (Kernel(built), weights.Below("encoder.").Take("patch_embed.proj.weight").ToSingles());
        Assert.Equal(kernel, Kernel(again));
        Assert.NotEqual(kernel, Kernel(other));
        const int Pixels = 16 * 16;
        var bound = (float)Math.Sqrt(6.0 / (256 + (3 * Pixels)));
        Assert.Equal(trained[(2 * Pixels)..(3 * Pixels)], kernel[..Pixels]);
        Assert.All(kernel[Pixels..(3 * Pixels)], value => Assert.InRange(value, -bound, bound));
        Assert.InRange(kernel[Pixels..(3 * Pixels)].Max(), 0.9f * bound, bound);

        static float[] Kernel(BackboneModel model) => model.Graph.FindInitializer("patch_embed.proj.weight")!.Data!.ToSingles();
    }

    [Fact]
    public void Weights_that_were_made_for_other_bands_are_taken_as_they_are()
    {
        var built = Prithvi.Build(Prithvi.Random("tiny", 1, 0), new BackboneOptions { TrainedBands = ["B02", "B03", "B04", "VV", "B11", "B12"], Bands = ["VV", "B02"], Layers = [0] });
        Assert.Empty(built.Warnings);
        Assert.Equal([("VV", 0.0), ("BLUE", 1087.0)], built.Manifest.Bands.Select(band => (band.Id, band.Mean)));
    }

    [Theory]
    [InlineData("Did you mean 'BLUE'?", "BLUEE", "RED")]
    [InlineData("RED is listed 2 times (RED, B04)", "RED", "B04")]
    public void Wrong_bands_are_refused_with_what_is_right(string expected, params string[] bands) => Assert.Contains(expected, Assert.Throws<ExportException>(
        () => Prithvi.Build(Prithvi.Random("tiny", 1, 0), new BackboneOptions { Bands = bands })).Message, StringComparison.Ordinal);

    [Fact]
    public void Sizes_that_do_not_fit_are_refused_with_the_numbers()
    {
        Refused(new BackboneOptions { TrainedBands = ["RED"], Bands = ["RED"] }, "--trained-bands lists 1 bands");
        Refused(new BackboneOptions { Tile = 100 }, "--tile 96");
        Refused(new BackboneOptions { Means = [1, 2] }, "--means lists 2 values for 6 bands");

        static void Refused(BackboneOptions options, string expected) => Assert.Contains(expected, Assert.Throws<ExportException>(
            () => Prithvi.Build(Prithvi.Random("tiny", 1, 0), options with { Layers = [0] })).Message, StringComparison.Ordinal);
    }

    /// <summary>16 tokens are one date of 4 x 4 patches or four dates of 2 x 2: what the table holds tells which.</summary>
    [Theory, InlineData(1, 4), InlineData(4, 2), InlineData(3, 5), InlineData(16, 1)]
    public void The_content_of_the_position_table_tells_the_images_that_it_was_made_for(int frames, int edge)
    {
        const int Patch = 8;
        var weights = DrawnWeights.Prithvi(new(48, 1, 3, Patch, edge, 6, Frames: frames), 3);
        var options = new BackboneOptions { Heads = 3, Layers = [0], Frames = 2 };
        weights["pos_embed"] = TensorData.FromValues<float>([1, 1 + (frames * edge * edge), 48], [.. new float[48], .. SineCosineTables.Volume(frames, edge, edge, 48).ToSingles()]);
        Assert.Equal(edge * Patch, Prithvi.Build(new StateDict("memory", weights), options).Manifest.Tile);

        // Anything else in it tells nothing.
        weights["pos_embed"] = RandomTensors.Uniform(1, "pos_embed", [1, 8, 48], 1);
        Assert.Contains("--trained-tile", Assert.Throws<ExportException>(() => Prithvi.Build(new StateDict("memory", weights), options)).Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Sizes))]
    public void Random_weights_have_the_names_and_shapes_of_the_published_variant(string size)
    {
        var variant = PrithviVariant.All.Single(variant => variant.Size == size);
        OfficialShapes.AssertEqual(SharedData.Require(Path.Combine(SharedData.Golden, "state_dicts", $"{variant.Official}.json")), Prithvi.Shapes(size), ignored: "decoder.");
    }

    [Theory, MemberData(nameof(Sizes))]
    public void The_published_shapes_build_under_their_own_name(string size)
    {
        var built = Prithvi.Build(Empty(size), new BackboneOptions { Frames = 2, Layers = [0] });
        Assert.Equal(PrithviVariant.All.Single(variant => variant.Size == size).Official, built.Manifest.Variant);
        Assert.Empty(built.Warnings);
        Assert.Equal((224, 2, 6), (built.Manifest.Tile, built.Manifest.Frames, built.Manifest.Bands.Count));
    }

    /// <summary>Shapes without content: no weight of such a size is ever made.</summary>
    private static StateDict Empty(string size) => new(size, Prithvi.Shapes(size).ToDictionary(item => item.Name, item => TensorData.Deferred(ElementType.Float, item.Shape, _ => { })));

    private static BackboneOptions Options(GoldenCase golden)
    {
        var shape = golden.Tensor("x").Shape;
        return new()
        {
            Bands = golden.Knows("model_bands") ? golden.Texts("model_bands") : null,
            Frames = golden.Int("num_frames"),
            FrameAxis = shape.Length == 5,
            Tile = (int)shape[^2],
            TileWidth = (int)shape[^1],
            TrainedTile = golden.Int("img_size"),
            Layers = [.. Enumerable.Range(0, golden.Int("depth"))],
            Heads = golden.Int("num_heads"),
        };
    }

    private static (string, TensorData)[] Inputs(GoldenCase golden) => [("image", golden.Tensor("x")), .. Coordinates(golden)];

    private static (string Name, TensorData Data)[] Coordinates(GoldenCase golden) =>
        [.. new[] { CoordinateEncoding.Time, CoordinateEncoding.Place }.Where(golden.Has).Select(name => (name, golden.Tensor(name)))];
}
