using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>Images that are not square, and images of another size than the weights were made for.</summary>
public class OblongInputTests
{
    public static TheoryData<string, int, int> Sizes() => new(
        from family in new[] { "vit", "scalemae", "dofa" } from size in new[] { (3, 5), (6, 2), (7, 7) } select new TheoryDataRow<string, int, int>(family, size.Item1, size.Item2));

    [Theory, MemberData(nameof(Sizes))]
    public void A_vision_transformer_agrees_with_plain_loops_at_any_size(string family, int rows, int columns)
    {
        var sizes = new DrawnSizes(24, 2, 3, 4, 4, family == "dofa" ? 2 : 3);
        var weights = family == "dofa" ? DrawnWeights.Dofa(sizes, 31) : DrawnWeights.Vit(sizes, 31);
        var built = Backbones.Find(family).Build(new StateDict("memory", weights), new BackboneOptions
        {
            Tile = rows * sizes.Patch, TileWidth = columns * sizes.Patch, Heads = sizes.Heads, Layers = [0, 1], GroundResolutionMetres = 2.5, Bands = [.. new[] { "B04", "B03", "B02" }.Take(sizes.Channels)],
        });
        AssertDescribed(built, rows, columns, sizes.Patch);
        var image = RandomTensors.Normal(6, "image", [1, sizes.Channels, rows * sizes.Patch, columns * sizes.Patch], 1);
        var found = Ort.Run(GoldenCase.Model(built), ("image", image));

        // The generated kernel and the resized table are taken from the graph: they are proven by themselves.
        foreach (var name in new[] { "patch_embed.proj.weight", "patch_embed.proj.bias" })
        {
            weights[name] = built.Graph.FindInitializer(name)!.Data!;
        }

        double[] positions = family == "scalemae" ? Metres(rows, columns, (int)sizes.Width, 2.5) : [.. built.Graph.FindInitializer("pos_embed")!.Data!.ToSingles().Select(value => (double)value)];
        var plain = new PlainVit(weights, sizes, 1e-6);
        var x = plain.Embed(image.ToSingles(), rows, columns, positions, padding: family == "dofa" ? 1 : 0);
        foreach (var feature in built.Manifest.Features)
        {
            x = plain.Block(x, feature.Output.Replace("block_", "blocks.", StringComparison.Ordinal));
            GoldenCase.AssertClose(feature.Output, TensorData.FromValues<float>([1, x.Length, sizes.Width], [.. x.SelectMany(token => token).Select(value => (float)value)]), found[feature.Output]);
        }
    }

    public static TheoryData<string, int, int> Transposable() => new(
        from family in new[] { "vit", "resnet", "swin", "terramind" } from size in new[] { (48, 96), (96, 24) } select new TheoryDataRow<string, int, int>(family, size.Item1, size.Item2));

    /// <summary>Rows and columns have the same rights: weights with both exchanged see the transposed image as the others see the image.</summary>
    [Theory, MemberData(nameof(Transposable))]
    public void Transposed_weights_make_transposed_features_of_the_transposed_image(string family, int height, int width)
    {
        var (weights, options) = Model(family);
        var built = Backbones.Find(family).Build(new StateDict("memory", weights), options with { Tile = height, TileWidth = width });
        var other = Backbones.Find(family).Build(new StateDict("memory", weights.ToDictionary(item => item.Key, item => Transposed(item.Key, item.Value))), options with { Tile = width, TileWidth = height });
        var image = RandomTensors.Normal(7, "image", [1, built.Graph.Inputs[0].KnownShape[1].Value!.Value, height, width], 1);
        var (found, turned) = (Ort.Run(GoldenCase.Model(built), ("image", image)), Ort.Run(GoldenCase.Model(other), ("image", SwapLast(image))));
        Assert.Equal(built.Manifest.Features.Select(feature => (feature.Output, feature.GridHeight, feature.GridWidth)), other.Manifest.Features.Select(feature => (feature.Output, feature.GridWidth, feature.GridHeight)));
        Assert.NotEqual(built.Manifest.Features[0].GridHeight, built.Manifest.Features[0].GridWidth);
        foreach (var feature in built.Manifest.Features)
        {
            var expected = found[feature.Output];
            GoldenCase.AssertClose(feature.Output, expected.Shape.Length == 4 ? SwapLast(expected) : SwapTokens(expected, feature.GridHeight, feature.GridWidth), turned[feature.Output]);
        }
    }

    [Fact]
    public void A_residual_network_sees_the_upper_part_of_a_square_as_the_square_itself()
    {
        var (weights, options) = Model("resnet");
        const int Edge = 96, Height = 64;
        var image = RandomTensors.Normal(8, "image", [1, 5, Edge, Edge], 1);
        var upper = TensorData.FromValues<float>([1, 5, Height, Edge], [.. image.ToSingles().Chunk(Edge * Edge).SelectMany(plane => plane.Take(Height * Edge))]);
        var square = Ort.Run(GoldenCase.Model(Build(Edge)), ("image", image))["stage_1"];
        var oblong = Ort.Run(GoldenCase.Model(Build(Height)), ("image", upper))["stage_1"];
        Assert.Equal([1, square.Shape[1], Height / 4, Edge / 4], oblong.Shape);

        // A pixel of stage 1 sees 30 pixels up and down: stem 3, pooling 2, then two blocks of two 3×3 convolutions at stride 4 and what pooling adds.
        const int Columns = Edge / 4, Untouched = (Height - 32) / 4;
        var (a, b) = (square.ToSingles().Chunk(Columns * Columns).ToList(), oblong.ToSingles().Chunk(Height / 4 * Columns).ToList());
        Assert.All(a.Zip(b), plane => Assert.All(plane.First.Take(Untouched * Columns).Zip(plane.Second), pair => Assert.Equal(pair.First, pair.Second, 1e-5f)));
        Assert.Contains(a.Zip(b), plane => Math.Abs(plane.First[((Height / 4) - 1) * Columns] - plane.Second[((Height / 4) - 1) * Columns]) > 1e-3f);

        BackboneModel Build(int height) => new ResNet().Build(new StateDict("memory", weights), options with { Tile = height, TileWidth = Edge, Layers = [1] });
    }

    [Theory, InlineData("vit"), InlineData("resnet"), InlineData("swin"), InlineData("terramind")]
    public void A_width_equal_to_the_height_is_a_square(string family)
    {
        var (weights, options) = Model(family);
        var (one, both) = (Build(null), Build(48));
        Assert.Equal((48, (ManifestTileSize?)null), (both.Manifest.Tile!.Value, both.Manifest.TileSize));
        Assert.Equal(one.Manifest.ToJson(), both.Manifest.ToJson());

        BackboneModel Build(int? width) => Backbones.Find(family).Build(new StateDict("memory", weights), options with { Tile = 48, TileWidth = width });
    }

    [Theory, InlineData("vit", 50, null, "choose --tile 48"), InlineData("vit", 48, 50, "choose --tile-width 48"), InlineData("dofa", 48, 50, "choose --tile-width 48"), InlineData("swin", 48, 49, "choose --tile-width 48")]
    public void A_side_that_is_no_multiple_of_the_patch_is_refused_with_its_option(string family, int height, int? width, string expected)
    {
        var (weights, options) = family == "dofa" ? (DrawnWeights.Dofa(new(24, 1, 3, 4, 4, 0), 1), new BackboneOptions { Heads = 3, Bands = ["B02"] }) : Model(family);
        Assert.Contains(expected, Assert.Throws<ExportException>(
            () => Backbones.Find(family).Build(new StateDict("memory", weights), options with { Tile = height, TileWidth = width })).Message, StringComparison.Ordinal);
    }

    private static (Dictionary<string, TensorData> Weights, BackboneOptions Options) Model(string family) => family switch
    {
        "vit" => (DrawnWeights.Vit(new(24, 2, 3, 4, 5, 3), 41), new BackboneOptions { Heads = 3, Layers = [0, 1], Bands = ["B04", "B03", "B02"] }),
        "terramind" => (DrawnWeights.TerraMind(new(48, 2, 3, 8, 3, 0, Mlp: 2), 42, qkvBias: false, projectionBias: false, mlpBias: false, isGated: true), new BackboneOptions { Heads = 3, Modalities = ["S1GRD"], Layers = [0, 1] }),
        "resnet" => (DrawnWeights.ResNet(43, isBottleneck: false, stem: 6, channels: 5, [2, 1, 3, 1]), new BackboneOptions { Bands = ["B02", "B03", "B04", "B08", "B11"], Layers = [0, 1, 2, 3, 4] }),
        _ => (DrawnWeights.Swin(44, width: 12, channels: 4, patch: 2, window: 3, [2, 2], [3, 2], mlp: 2), new BackboneOptions { Bands = ["B02", "B03", "B04", "B08"], Layers = [0, 1] }),
    };

    private static void AssertDescribed(BackboneModel built, int rows, int columns, int patch)
    {
        Assert.Equal(rows == columns ? (rows * patch, null) : ((int?)null, new ManifestTileSize(rows * patch, columns * patch)), (built.Manifest.Tile, built.Manifest.TileSize));
        Assert.All(built.Manifest.Features, feature => Assert.Equal((rows, columns), (feature.GridHeight, feature.GridWidth)));
    }

    // Half of a token is the sine and cosine of its column in metres, half of its row; the class token has none.
    private static double[] Metres(int rows, int columns, int width, double resolution)
    {
        var quarter = width / 4;
        double[] Encode(double metres) => [.. Enumerable.Range(0, 2 * quarter).Select(i => metres / Math.Pow(10_000, (double)(i % quarter) / quarter) is var angle && i < quarter ? Math.Sin(angle) : Math.Cos(angle))];
        return [.. new double[width], .. Enumerable.Range(0, rows * columns).SelectMany(patch => (double[])[.. Encode(patch % columns * resolution), .. Encode(patch / columns * resolution)])];
    }

    private static TensorData Transposed(string name, TensorData weight) => weight.Shape switch
    {
        [1, var tokens, var width] when name.Contains("pos_emb", StringComparison.Ordinal) => TransposedTable(weight, (int)tokens, (int)width),
        [var outputs, var inputs] when name.Contains("encoder_embeddings", StringComparison.Ordinal) => TransposedPatches(weight, (int)inputs),
        [1, var edge, _, 2] => TransposedOffsets(weight, (int)edge),
        [_, var inputs] when name.EndsWith("reduction.weight", StringComparison.Ordinal) => TensorData.FromValues<float>(weight.Shape.AsSpan(),
            [.. weight.ToSingles().Chunk((int)inputs / 4).Select((part, i) => (part, i)).GroupBy(item => item.i / 4).SelectMany(row => row.OrderBy(item => (int[])[0, 2, 1, 3] is var order ? order[item.i % 4] : 0)).SelectMany(item => item.part)]),
        { Length: 4 } => SwapLast(weight),
        _ => weight,
    };

    private static TensorData TransposedTable(TensorData table, int tokens, int width)
    {
        var edge = (int)Math.Sqrt(tokens);
        var (prefix, values) = (tokens - (edge * edge), table.ToSingles().Chunk(width).ToArray());
        return TensorData.FromValues<float>(table.Shape.AsSpan(), [.. values.Take(prefix).Concat(Enumerable.Range(0, edge * edge).Select(i => values[prefix + (i % edge * edge) + (i / edge)])).SelectMany(token => token)]);
    }

    // [width, row, column, channel]: the modality of these tests has two channels.
    private static TensorData TransposedPatches(TensorData weight, int inputs)
    {
        var edge = (int)Math.Sqrt(inputs / 2);
        return TensorData.FromValues<float>(weight.Shape.AsSpan(), [.. weight.ToSingles().Chunk(inputs).SelectMany(row => Enumerable.Range(0, inputs).Select(i => row[(((i / 2 % edge * edge) + (i / 2 / edge)) * 2) + (i % 2)]))]);
    }

    private static TensorData TransposedOffsets(TensorData table, int edge)
    {
        var values = table.ToSingles();
        return TensorData.FromValues<float>(table.Shape.AsSpan(), [.. Enumerable.Range(0, values.Length).Select(i => values[(((i / 2 % edge * edge) + (i / 2 / edge)) * 2) + (i % 2)])]);
    }

    private static TensorData SwapLast(TensorData tensor)
    {
        var (rows, columns) = ((int)tensor.Shape[^2], (int)tensor.Shape[^1]);
        return TensorData.FromValues<float>([.. tensor.Shape.SkipLast(2), columns, rows], [.. tensor.ToSingles().Chunk(rows * columns).SelectMany(plane => Enumerable.Range(0, rows * columns).Select(i => plane[(i % rows * columns) + (i / rows)]))]);
    }

    private static TensorData SwapTokens(TensorData tokens, int rows, int columns)
    {
        var values = tokens.ToSingles().Chunk((int)tokens.Shape[2]).ToArray();
        var prefix = values.Length - (rows * columns);
        return TensorData.FromValues<float>(tokens.Shape.AsSpan(), [.. values.Take(prefix).Concat(Enumerable.Range(0, rows * columns).Select(i => values[prefix + (i % rows * columns) + (i / rows)])).SelectMany(token => token)]);
    }
}
