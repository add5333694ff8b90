using EoOnnx.Tests;
using CsCheck;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class ScenePipelineTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-scene-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static readonly Gen<(int Width, int Height, int Overlap, EdgeMode Edge, int Seed)> Scenes = Gen.Select(
        Gen.OneOf(Gen.Int[1, 100], Gen.Int[Tile - 1, Tile + 1]), Gen.OneOf(Gen.Int[1, 100], Gen.Int[Tile - 1, Tile + 1]), Gen.Int[0, 4].Select(half => 2 * half),
        Gen.Enum<EdgeMode>(), Gen.Int[0, 1000]);

    [Fact]
    public void With_the_identity_model_and_crop_a_map_is_the_scene_bit_for_bit()
    {
        using var model = TestScenes.Identity(_folder, 2, Tile);
        Scenes.Sample(scene =>
        {
            var (pixels, map) = Run(model, scene, BlendMode.None);
            Assert.Equal(pixels.Select(v => v == TestScenes.Missing ? float.NaN : v), map);
        }, iter: 40, threads: 1);
    }

    [Theory, InlineData(BlendMode.Linear), InlineData(BlendMode.Cosine)]
    public void With_the_identity_model_a_blended_map_is_the_scene_to_a_millionth(BlendMode blend)
    {
        using var model = TestScenes.Identity(_folder, 2, Tile);
        Scenes.Sample(scene =>
        {
            var (pixels, map) = Run(model, scene, blend);
            for (var i = 0; i < pixels.Length; i++)
            {
                Assert.Equal(pixels[i] == TestScenes.Missing, float.IsNaN(map[i]));
                Assert.True(float.IsNaN(map[i]) || Math.Abs(map[i] - pixels[i]) <= 1e-6 * 100, $"pixel {i}: {pixels[i]} became {map[i]}");
            }
        }, iter: 30, threads: 1);
    }

    [Fact]
    public async Task A_model_that_adds_the_position_in_the_tile_shows_that_no_tile_is_swapped_shifted_or_mirrored()
    {
        const int width = 61, height = 45, overlap = 6;
        var positions = Enumerable.Range(0, Tile * Tile).Select(i => (float)i).ToArray();
        using var model = EoModel.Load(TestModels.Save(_folder, "position", 1, Tile, (op, x) => op.Add(x, op.Initializer("p", TensorData.FromValues<float>([1, 1, Tile, Tile], positions))),
            TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        // The scene holds 1000 · its own index, so a pixel tells where it came from and where in the tile it lay.
        var pixels = Enumerable.Range(0, width * height).Select(i => i * 1000f).ToArray();
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", width, height, 1, pixels));
        var output = Path.Combine(_folder, "map.tif");
        await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Overlap = overlap, Blend = BlendMode.None });
        var map = TestScenes.Read<float>(output);
        foreach (var tile in TilePlan.Create(scene.Size, new TilePlanOptions { Tile = Tile, Overlap = overlap }).Tiles())
        {
            for (var y = tile.Own.Y; y < tile.Own.Bottom; y++)
            {
                for (var x = tile.Own.X; x < tile.Own.Right; x++)
                {
                    Assert.Equal(((float)((y * width) + x) * 1000) + ((y - tile.Read.Y) * Tile) + x - tile.Read.X, map[(y * width) + x]);
                }
            }
        }
    }

    [Fact]
    public async Task The_map_is_the_same_for_every_batch_prefetch_and_number_of_readers_and_for_a_graph_with_a_fixed_batch()
    {
        var path = TestScenes.Write(_folder, "scene", 150, 130, 2, TestScenes.Pixels(150, 130, 2, seed: 5, holes: 0.2));
        using var open = TestScenes.Identity(_folder, 2, Tile);
        using var three = TestScenes.Identity(_folder, 2, Tile, batch: 3);
        byte[]? expected = null;
        foreach (var (model, options) in new[]
        {
            (open, new SceneOptions { Batch = 1, Prefetch = 1, Readers = 1 }),
            (open, new SceneOptions { Batch = 7, Prefetch = 3, Readers = 4 }),
            (open, new SceneOptions { Batch = 64, Prefetch = 2, Readers = 8 }),
            (three, new SceneOptions { Batch = 5 }),
        })
        {
            using var scene = RasterDataset.Open(path);
            var output = Path.Combine(_folder, "map.tif");
            await new ScenePipeline(model).RunAsync(scene, output, options with { Overlap = 6, Overwrite = true });
            var pixels = System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(TestScenes.Read<float>(output)).ToArray();
            expected ??= pixels;
            Assert.Equal(expected, pixels);
        }
    }

    [Fact]
    public async Task Equal_runs_give_equal_bytes()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var path = TestScenes.Write(_folder, "scene", 90, 70, 1, TestScenes.Pixels(90, 70, 1, seed: 3, holes: 0.1));
        byte[]? first = null;
        for (var run = 0; run < 2; run++)
        {
            using var scene = RasterDataset.Open(path);
            var output = Path.Combine(_folder, $"map{run}.tif");
            await new ScenePipeline(model).RunAsync(scene, output);
            first ??= File.ReadAllBytes(output);
            Assert.Equal(first, File.ReadAllBytes(output));
        }
    }

    [Fact]
    public async Task A_class_map_holds_class_values_names_colours_tags_and_nodata_exactly_where_the_scene_has_none()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var pixels = TestScenes.Pixels(70, 60, 1, seed: 9, holes: 0.3);
        var path = TestScenes.Write(_folder, "scene", 70, 60, 1, pixels);
        using var scene = RasterDataset.Open(path);
        var output = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Blend = BlendMode.None });
        Assert.Equal(pixels.Select(v => v == TestScenes.Missing ? (byte)255 : v > 0 ? (byte)7 : (byte)3), TestScenes.Read<byte>(output));
        using var map = RasterDataset.Open(output);
        Assert.Equal(255, map.Bands[0].NoData);
        Assert.Equal(("low", "high"), (map.Bands[0].CategoryNames[3], map.Bands[0].CategoryNames[7]));
        Assert.Equal((0x10, 0x20, 0x30), (map.Bands[0].Colors[3].Red, map.Bands[0].Colors[3].Green, map.Bands[0].Colors[3].Blue));
        Assert.Contains("\"high\"", map.Metadata["EOONNX_CLASSES"], StringComparison.Ordinal);
        Assert.Equal(("16", "B01=1", path), (map.Metadata["EOONNX_TILE"], map.Metadata["EOONNX_BANDS"], map.Metadata["EOONNX_SOURCE"]));
        Assert.Equal(64, map.Metadata["EOONNX_MODEL_SHA256"].Length);
        Assert.Equal("COG", map.FindMetadata("LAYOUT", "IMAGE_STRUCTURE"));
        var high = pixels.Count(v => v > 0);
        Assert.Equal(high, report.Classes[1].Pixels);
        Assert.Equal(high * 100 / 1e6, report.Classes[1].SquareKilometres!.Value, 9);
        Assert.Equal(pixels.Count(v => v == TestScenes.Missing), report.Pixels.NoData);
        Assert.True(File.Exists(Path.Combine(_folder, "map.report.json")));
        Assert.False(Directory.Exists(output + ".eoonnx"));
    }

    [Fact]
    public async Task Probabilities_are_stored_with_their_scale_and_sum_to_one()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var pixels = TestScenes.Pixels(40, 33, 1, seed: 2, holes: 0.2).Select(v => v == TestScenes.Missing ? v : v / 50).ToArray();
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 40, 33, 1, pixels));
        var output = Path.Combine(_folder, "prob.tif");
        await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Content = MapContent.Probability });
        using var map = RasterDataset.Open(output);
        Assert.Equal(["low", "high"], map.Bands.Select(band => band.Name));
        Assert.All(map.Bands, band => Assert.Equal(1.0 / 254, band.Scale, 12));
        var stored = TestScenes.Read<byte>(output);
        for (var i = 0; i < pixels.Length; i++)
        {
            var (low, high) = (stored[i], stored[pixels.Length + i]);
            if (pixels[i] == TestScenes.Missing)
            {
                Assert.Equal((255, 255), (low, high));
            }
            else
            {
                Assert.InRange(high / 254.0, (1 / (1 + Math.Exp(-pixels[i]))) - 0.003, (1 / (1 + Math.Exp(-pixels[i]))) + 0.003);
                Assert.InRange(low + high, 253, 255);
            }
        }
    }

    [Theory, InlineData(ConfidenceBand.Maximum, "confidence"), InlineData(ConfidenceBand.Entropy, "entropy"), InlineData(ConfidenceBand.Margin, "margin")]
    public async Task A_second_band_tells_how_sure_the_model_is(ConfidenceBand kind, string name)
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        float[] pixels = [.. Enumerable.Range(0, 20 * 20).Select(i => i == 7 ? TestScenes.Missing : (i % 9) - 4f)];
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 20, 20, 1, pixels));
        var output = Path.Combine(_folder, "sure.tif");
        await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Confidence = kind });
        using var map = RasterDataset.Open(output);
        Assert.Equal(["class", name], map.Bands.Select(band => band.Name));
        Assert.Equal((1, 1.0 / 254), (map.Bands[0].Scale, Math.Round(map.Bands[1].Scale, 12) is var s && Math.Abs(s - (1.0 / 254)) < 1e-9 ? 1.0 / 254 : s));
        var stored = TestScenes.Read<byte>(output);
        for (var i = 0; i < pixels.Length; i++)
        {
            var p = 1 / (1 + Math.Exp(-Math.Abs(pixels[i])));
            var expected = kind switch
            {
                ConfidenceBand.Maximum => p,
                ConfidenceBand.Margin => (2 * p) - 1,
                _ => -((p * Math.Log(p)) + ((1 - p) * Math.Log(1 - p))) / Math.Log(2),
            };
            Assert.InRange(stored[pixels.Length + i] - (i == 7 ? 255 : 254 * expected), -0.6, 0.6);
        }
    }

    [Fact]
    public async Task Pixels_for_which_the_model_says_NaN_become_nodata_with_a_warning_and_never_class_zero()
    {
        var manifest = TestModels.Manifest(ModelTask.Segmentation, 1, Tile);
        using var model = EoModel.Load(TestModels.Save(_folder, "root", 1, Tile, (op, x) => op.Concat(1, op.Sqrt(x), op.Mul(x, 0)), manifest));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 20, 20, 1, [.. Enumerable.Range(0, 400).Select(i => i == 5 ? -1f : 1f)]));
        var output = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, output);
        Assert.Equal(255, TestScenes.Read<byte>(output)[5]);
        Assert.Contains(report.Warnings, warning => warning.Contains("NaN for 1 valid", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_existing_map_is_kept_unless_overwriting_is_asked_for()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 20, 20, 1, new float[400]));
        var output = Path.Combine(_folder, "map.tif");
        File.WriteAllText(output, "mine");
        Assert.Contains("--overwrite", (await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, output))).Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(output));
    }

    [Fact]
    public async Task A_damaged_scene_fails_with_its_name_and_leaves_no_map_and_no_open_handle()
    {
        var path = TestScenes.Write(_folder, "cut", 600, 600, 1, TestScenes.Pixels(600, 600, 1, seed: 1, holes: 0));
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        using var model = TestScenes.Identity(_folder, 1, Tile);
        var before = RasterDataset.OpenHandles;
        using (var scene = RasterDataset.Open(path))
        {
            var failure = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, "map.tif")));
            Assert.Contains("cut.tif", failure.Message, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(Path.Combine(_folder, "map.tif")));
        Assert.Equal(before, RasterDataset.OpenHandles);
    }

    private (float[] Scene, float[] Map) Run(EoModel model, (int Width, int Height, int Overlap, EdgeMode Edge, int Seed) scene, BlendMode blend)
    {
        var pixels = TestScenes.Pixels(scene.Width, scene.Height, 2, scene.Seed, holes: scene.Seed % 3 * 0.3);
        using var dataset = RasterDataset.Open(TestScenes.Write(_folder, "scene", scene.Width, scene.Height, 2, pixels));
        var output = Path.Combine(_folder, "map.tif");
        new ScenePipeline(model).RunAsync(dataset, output, new SceneOptions { Overlap = scene.Overlap, Blend = blend, Edge = scene.Edge, Batch = 1 + (scene.Seed % 5), Overwrite = true }).GetAwaiter().GetResult();
        return (pixels, TestScenes.Read<float>(output));
    }
}
