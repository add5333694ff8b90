using CsCheck;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Models whose images are not square: rows and columns are never exchanged, and each axis follows its own side of the tile.</summary>
[Collection(OpenHandles.Name)]
public sealed class SceneOblongTests : IDisposable
{
    private const int Rows = 16, Columns = 24;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-oblong-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(BlendMode.None), InlineData(BlendMode.Linear), InlineData(BlendMode.Cosine)]
    public void With_the_identity_model_a_map_is_the_scene_at_every_size_overlap_and_edge(BlendMode blend)
    {
        using var model = Model("identity", (op, x) => op.Identity(x));
        ScenePipelineTests.Scenes.Sample(scene =>
        {
            var pixels = TestScenes.Pixels(scene.Width, scene.Height, 1, scene.Seed, holes: scene.Seed % 3 * 0.3);
            using var dataset = RasterDataset.Open(TestScenes.Write(_folder, "scene", scene.Width, scene.Height, 1, pixels));
            var map = new ScenePipeline(model).MapAsync(dataset, new SceneOptions { Overlap = scene.Overlap, Blend = blend, Edge = scene.Edge, Batch = 1 + (scene.Seed % 5) }).GetAwaiter().GetResult();
            AssertEqual(pixels, map.Pixels<float>(), blend == BlendMode.None ? 0 : 1e-4f);
        }, iter: 25, threads: 1);
    }

    [Fact]
    public async Task A_model_that_adds_the_position_in_the_tile_shows_that_no_tile_is_swapped_shifted_or_mirrored()
    {
        const int width = 83, height = 45, overlap = 6;
        using var model = Model("position", Position);
        var pixels = Enumerable.Range(0, width * height).Select(i => i * 1000f).ToArray();
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", width, height, 1, pixels));
        var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Overlap = overlap, Blend = BlendMode.None });
        var (across, down) = (new TilePlanOptions { Tile = Columns, Overlap = overlap }, new TilePlanOptions { Tile = Rows, Overlap = overlap });
        var values = map.Band<float>(1).ToArray();
        foreach (var tile in TilePlan.Create(scene.Size, across, down).Tiles())
        {
            Assert.Equal((Columns, Rows), (tile.Read.Width, tile.Read.Height));
            for (var i = 0; i < tile.Own.Area; i++)
            {
                var (x, y) = (tile.Own.X + (i % tile.Own.Width), tile.Own.Y + (i / tile.Own.Width));
                Assert.Equal(((float)((y * width) + x) * 1000) + ((y - tile.Read.Y) * Columns) + x - tile.Read.X, values[(y * width) + x]);
            }
        }
    }

    [Fact]
    public async Task Panels_batches_and_readers_change_no_byte_and_report_and_tags_name_both_sides()
    {
        using var model = Model("position", Position);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 190, 150, 1, TestScenes.Pixels(190, 150, 1, seed: 4, holes: 0.1)));
        var (whole, other) = (Path.Combine(_folder, "whole.tif"), Path.Combine(_folder, "other.tif"));
        var report = await new ScenePipeline(model).RunAsync(scene, whole, new SceneOptions { Batch = 1, Readers = 1 });
        Assert.True((await new ScenePipeline(model).RunAsync(scene, other, new SceneOptions { Batch = 7, Readers = 4, PanelTiles = 3 })).Plan.Panels > 2);
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(other));
        Assert.Equal((new PixelSize(Columns, Rows), new PixelSize(4, 4)), (report.Plan.TileSize, report.Plan.OverlapSize));
        using var map = RasterDataset.Open(whole);
        Assert.Equal(($"{Columns}x{Rows}", "4"), (map.FindMetadata("EOONNX_TILE"), map.FindMetadata("EOONNX_OVERLAP")));
        var shares = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Overlap = TileOverlap.Parse("25%") });
        Assert.Equal(new PixelSize(6, 4), shares.Report.Plan.OverlapSize);
    }

    [Fact]
    public async Task Flips_are_averaged_and_turns_by_90_degrees_are_refused_by_name()
    {
        using var model = Model("position", Position);
        var pixels = TestScenes.Pixels(61, 50, 1, seed: 6, holes: 0.1);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 61, 50, 1, pixels));
        var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Augmentation = TestTimeAugmentation.Flips });
        // A position and its three mirror images have the mean of the tile.
        AssertEqual([.. pixels.Select(value => value == TestScenes.Missing ? value : value + (((Rows * Columns) - 1) / 2f))], map.Pixels<float>(), 1e-3f);
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => new ScenePipeline(model).MapAsync(scene, new SceneOptions { Augmentation = TestTimeAugmentation.D4 }));
        Assert.Contains($"{Columns} x {Rows}", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--tta flips", refusal.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(EdgeMode.Shift), InlineData(EdgeMode.Reflect), InlineData(EdgeMode.Zero)]
    public async Task The_middle_of_a_tile_may_lack_another_number_of_rows_than_of_columns(EdgeMode edge)
    {
        using var model = Model("middle", (op, x) => op.Slice(op.Slice(x, 2, 2, Rows - 2), 3, 3, Columns - 3));
        var pixels = TestScenes.Pixels(71, 55, 1, seed: 9, holes: 0.1);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 71, 55, 1, pixels));
        var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Edge = edge, Blend = BlendMode.None });
        // With zeros behind the edge, nothing answers for the rim on the left and at the bottom; tiles hang over the other sides.
        var plan = map.Report.Plan;
        var (right, top) = (71 - Lacking(71, Columns, plan.OverlapSize.Width, 3), Lacking(55, Rows, plan.OverlapSize.Height, 2));
        AssertEqual([.. pixels.Select((value, i) => edge != EdgeMode.Zero || (i % 71 >= 3 && i % 71 < right && i / 71 >= top && i / 71 < 55 - 2) ? value : TestScenes.Missing)], map.Pixels<float>(), 0);

        static int Lacking(int length, int tile, int overlap, int margin) =>
            Math.Max(0, margin - (((length - tile + tile - overlap - 1) / (tile - overlap) * (tile - overlap)) + tile - length));
    }

    [Fact]
    public async Task Super_resolution_refines_both_axes()
    {
        using var model = Model("finer", (op, x) => op.Resize(x, 2 * Rows, 2 * Columns, "nearest"));
        var pixels = TestScenes.Pixels(61, 50, 1, seed: 3, holes: 0.1);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 61, 50, 1, pixels));
        var map = await new ScenePipeline(model).MapAsync(scene);
        Assert.Equal((new PixelSize(122, 100), scene.Transform!.Value.Moved(0, 0, 0.5)), (map.Profile.Size, map.Profile.Transform));
        AssertEqual([.. Enumerable.Range(0, 122 * 100).Select(i => pixels[(i / 122 / 2 * 61) + (i % 122 / 2)])], map.Pixels<float>(), 1e-4f);
    }

    [Theory, InlineData("map", true), InlineData("tokens", true), InlineData("tokens", false)]
    public async Task An_embedding_has_a_pixel_a_patch_in_rows_and_columns_of_the_tile(string kind, bool isDescribed)
    {
        const int patch = 8, rows = Rows / patch, columns = Columns / patch;
        // Each patch becomes its mean and the number of the patch.
        using var model = Encoder(kind, isDescribed, patch);
        var pixels = TestScenes.Pixels(75, 61, 1, seed: 2, holes: 0);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 75, 61, 1, pixels));
        var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Embedding = new EmbeddingOptions() });
        Assert.Equal((new PixelSize(10, 8), scene.Transform!.Value.Moved(0, 0, patch)), (map.Profile.Size, map.Profile.Transform));
        var plan = TilePlan.Create(scene.Size, Axis(Columns, map.Report.Plan.OverlapSize.Width), Axis(Rows, map.Report.Plan.OverlapSize.Height));
        var (means, numbers) = (map.Band<float>(1).ToArray(), map.Band<float>(2).ToArray());
        foreach (var tile in plan.Tiles())
        {
            for (var y = tile.Own.Y; y < tile.Own.Bottom; y += patch)
            {
                for (var x = tile.Own.X; x < tile.Own.Right; x += patch)
                {
                    var cell = (y / patch * 10) + (x / patch);
                    Assert.Equal(((y - tile.Read.Y) / patch * columns) + ((x - tile.Read.X) / patch), numbers[cell]);
                    Assert.Equal(Enumerable.Range(0, patch * patch).Average(i => pixels[(TileAxis.Reflect(y + (i / patch), 61) * 75) + TileAxis.Reflect(x + (i % patch), 75)]), means[cell], 1e-3f);
                }
            }
        }

        var pooled = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Embedding = new EmbeddingOptions { Pool = EmbeddingPool.Mean } });
        Assert.Equal((new PixelSize(4, 4), scene.Transform!.Value.Moved(0, 0, Columns, Rows)), (pooled.Profile.Size, pooled.Profile.Transform));
        Assert.All(pooled.Band<float>(2).ToArray(), number => Assert.Equal(((rows * columns) - 1) / 2f, number, 1e-5f));
        Assert.Equal((Columns, (int?)Rows), (pooled.Report.Embedding!.Cell, pooled.Report.Embedding.CellHeight));

        static TilePlanOptions Axis(int tile, int overlap) => new() { Tile = tile, Overlap = overlap, Patch = patch, AlignToPatch = true };
    }

    [Fact]
    public async Task A_graph_that_takes_any_size_gets_what_its_manifest_or_the_options_say()
    {
        var builder = new GraphBuilder("open");
        builder.Output(builder.Identity(builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, (Dim)"height", (Dim)"width"))), "logits");
        var graph = new OnnxModel(builder.Graph);
        graph.Metadata[ModelManifest.MetadataKey] = (TestModels.Manifest(ModelTask.Regression, 1, Rows) with { Tile = null, TileSize = new ManifestTileSize(Rows, Columns) }).ToJson();
        graph.Save(Path.Combine(_folder, "open.onnx"));
        using var model = EoModel.Load(Path.Combine(_folder, "open.onnx"));
        var pixels = TestScenes.Pixels(50, 40, 1, seed: 1, holes: 0);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 50, 40, 1, pixels));
        foreach (var (options, expected) in new[]
        {
            (new SceneOptions(), new PixelSize(Columns, Rows)), (new SceneOptions { Tile = 20 }, new PixelSize(20, 20)),
            (new SceneOptions { Tile = 20, TileWidth = 12 }, new PixelSize(12, 20)), (new SceneOptions { TileWidth = 12 }, new PixelSize(12, Rows)),
        })
        {
            var map = await new ScenePipeline(model).MapAsync(scene, options);
            Assert.Equal(expected, map.Report.Plan.TileSize);
            AssertEqual(pixels, map.Pixels<float>(), 1e-4f);
        }

        using var fixedSize = Model("identity", (op, x) => op.Identity(x));
        var refusal = await Assert.ThrowsAsync<ModelException>(() => new ScenePipeline(fixedSize).MapAsync(scene, new SceneOptions { Tile = Columns }));
        Assert.Contains($"takes tiles of {Columns} x {Rows} pixels; --tile asks for {Columns}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_of_another_maker_says_its_size_in_the_graph_alone()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "foreign", 1, Rows, Columns, (op, x) => op.Reshape(op.Mul(x, 2), -1, Rows, Columns)));
        Assert.Equal((ModelTask.Regression, (int?)null, new ManifestTileSize(Rows, Columns)), (model.Manifest.Task, model.Manifest.Tile, model.Manifest.TileSize));
        var pixels = TestScenes.Pixels(50, 40, 1, seed: 1, holes: 0.1);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 50, 40, 1, pixels));
        AssertEqual([.. pixels.Select(value => value == TestScenes.Missing ? value : 2 * value)], (await new ScenePipeline(model).MapAsync(scene)).Pixels<float>(), 1e-4f);
    }

    private static Value Position(GraphBuilder op, Value image) =>
        op.Add(image, op.Initializer("p", TensorData.FromValues<float>([1, 1, Rows, Columns], [.. Enumerable.Range(0, Rows * Columns).Select(i => (float)i)])));

    private EoModel Model(string name, Func<GraphBuilder, Value, Value> build) => EoModel.Load(TestModels.Save(_folder, name, 1, Rows, Columns, build,
        TestModels.Manifest(ModelTask.Regression, 1, Rows) with { Tile = null, TileSize = new ManifestTileSize(Rows, Columns) }));

    private EoModel Encoder(string kind, bool isDescribed, int patch)
    {
        var (rows, columns) = (Rows / patch, Columns / patch);
        var path = TestModels.Save(_folder, $"encoder-{kind}-{isDescribed}", 1, Rows, Columns, (op, x) =>
        {
            var kernel = op.Initializer("mean", TensorData.FromValues<float>([1, 1, patch, patch], [.. Enumerable.Repeat(1f / (patch * patch), patch * patch)]));
            var means = op.Conv(x, kernel, null, [patch, patch], [0, 0, 0, 0]);
            var numbers = op.Initializer("numbers", TensorData.FromValues<float>([1, 1, rows, columns], [.. Enumerable.Range(0, rows * columns).Select(i => (float)i)]));
            var map = op.Concat(1, means, op.Add(op.Mul(means, 0), numbers));
            return kind == "map" ? map : op.Transpose(op.Reshape(map, 0, 2, rows * columns), 0, 2, 1);
        }, isDescribed ? TestModels.Manifest(ModelTask.Features, 1, Rows) with
        {
            Tile = null, TileSize = new ManifestTileSize(Rows, Columns), Patch = patch, Features = [new ManifestFeature("logits", kind, 2, 0, rows, columns)],
        } : null);
        return EoModel.Load(path);
    }

    private static void AssertEqual(float[] expected, ReadOnlySpan<float> found, float tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i] == TestScenes.Missing, float.IsNaN(found[i]));
            Assert.True(expected[i] == TestScenes.Missing || Math.Abs(expected[i] - found[i]) <= tolerance, $"pixel {i}: {expected[i]} became {found[i]}");
        }
    }
}
