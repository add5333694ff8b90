using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Outputs that are the middle of the tile, and outputs whose pixels are finer than those of the scene.</summary>
[Collection(OpenHandles.Name)]
public sealed class SceneOutputSizeTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-size-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(2, 14, BlendMode.None), InlineData(2, 14, BlendMode.Cosine), InlineData(1, 14, BlendMode.Linear), InlineData(3, 12, BlendMode.None), InlineData(4, 13, BlendMode.Cosine)]
    public async Task A_model_that_answers_for_the_middle_of_its_tile_maps_every_pixel_of_the_scene(int first, int end, BlendMode blend)
    {
        // Away from the centre by up to one pixel, as odd borders are.
        var before = (Tile - (end - first)) / 2;
        using var model = Middle(before, before + end - first);
        foreach (var (width, height) in new[] { (53, 41), (16, 16), (9, 30), (1, 17) })
        {
            var pixels = TestScenes.Pixels(width, height, 1, seed: 7, holes: 0.1);
            using var scene = RasterDataset.Open(TestScenes.Write(_folder, $"scene-{width}", width, height, 1, pixels));
            var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Blend = blend, Batch = 3 });
            AssertEqual(pixels, map.Pixels<float>(), blend);
            Assert.Equal(scene.Transform, map.Profile.Transform);
        }
    }

    [Theory, InlineData(TestTimeAugmentation.Flips), InlineData(TestTimeAugmentation.D4)]
    public async Task Symmetries_turn_the_middle_with_the_tile(TestTimeAugmentation augmentation)
    {
        using var model = Middle(2, 13);
        var pixels = TestScenes.Pixels(37, 29, 1, seed: 2, holes: 0.1);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 37, 29, 1, pixels));
        AssertEqual(pixels, (await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Augmentation = augmentation })).Pixels<float>(), BlendMode.Cosine);
    }

    [Fact]
    public async Task An_overlap_that_the_border_does_not_allow_is_refused_with_the_least()
    {
        using var model = Middle(3, 13);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 40, 40, 1, TestScenes.Pixels(40, 40, 1, seed: 1, holes: 0)));
        var refusal = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).MapAsync(scene, new SceneOptions { Overlap = 4 }));
        Assert.Contains("between 6 and", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(8, (await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Overlap = 8 })).Report.Plan.Overlap);
    }

    [Fact]
    public async Task A_far_smaller_output_is_a_middle_only_in_a_model_for_Deepness()
    {
        var path = TestModels.Save(_folder, "small", 1, Tile, (op, x) => op.Slice(op.Slice(x, 2, 6, 10), 3, 6, 10));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 30, 20, 1, TestScenes.Pixels(30, 20, 1, seed: 1, holes: 0)));
        using var foreign = EoModel.Load(path);
        var refusal = await Assert.ThrowsAsync<ModelException>(() => new ScenePipeline(foreign).MapAsync(scene));
        Assert.Contains("[1, 1, 4, 4]", refusal.Message, StringComparison.Ordinal);
        using var deepness = EoModel.Load(path, new EoModelOptions { Deepness = true });
        var map = await new ScenePipeline(deepness).MapAsync(scene, new SceneOptions { Blend = BlendMode.None });
        AssertEqual([.. TestScenes.Read<float>(scene.Path).Select(value => value / 255)], map.Pixels<float>(), BlendMode.Cosine);
    }

    [Theory]
    [InlineData(2, BlendMode.None, EdgeMode.Shift), InlineData(3, BlendMode.None, EdgeMode.Reflect), InlineData(2, BlendMode.Cosine, EdgeMode.Reflect), InlineData(4, BlendMode.Linear, EdgeMode.Shift)]
    public async Task Super_resolution_makes_a_finer_grid_that_lies_where_the_scene_lies(int factor, BlendMode blend, EdgeMode edge)
    {
        using var model = Finer(factor);
        foreach (var (width, height, window) in new (int, int, PixelWindow?)[] { (53, 41, null), (9, 30, null), (53, 41, new PixelWindow(7, 5, 31, 22)) })
        {
            var pixels = TestScenes.Pixels(width, height, 1, seed: 3, holes: 0.1);
            using var scene = RasterDataset.Open(TestScenes.Write(_folder, $"scene-{width}", width, height, 1, pixels));
            var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Blend = blend, Edge = edge, Overlap = 6, Window = window, Batch = 3 });
            var part = window ?? new PixelWindow(0, 0, width, height);
            Assert.Equal(new PixelSize(part.Width * factor, part.Height * factor), map.Profile.Size);
            Assert.Equal(scene.Transform!.Value.Moved(part.X, part.Y, 1.0 / factor), map.Profile.Transform);
            var expected = new float[part.Width * factor * part.Height * factor];
            for (var i = 0; i < expected.Length; i++)
            {
                var (row, column) = (i / (part.Width * factor), i % (part.Width * factor));
                expected[i] = pixels[((part.Y + (row / factor)) * width) + part.X + (column / factor)];
            }

            AssertEqual(expected, map.Pixels<float>(), blend);
            Assert.Equal((expected.LongLength, expected.LongCount(value => value != TestScenes.Missing)), (map.Report.Pixels.Total, map.Report.Pixels.Predicted));
        }
    }

    [Theory, InlineData(true, BlendMode.None), InlineData(true, BlendMode.Cosine), InlineData(false, BlendMode.None), InlineData(false, BlendMode.Cosine)]
    public async Task The_file_is_the_same_in_panels_and_after_an_interruption(bool finer, BlendMode blend)
    {
        using var model = finer ? Finer(3) : Middle(2, 13);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 90, 70, 1, TestScenes.Pixels(90, 70, 1, seed: 5, holes: 0.2)));
        var options = new SceneOptions { Overlap = 8, Blend = blend, Batch = 3, Overwrite = true };
        var (pipeline, output) = (new ScenePipeline(model), Path.Combine(_folder, "map.tif"));
        var whole = await pipeline.RunAsync(scene, output, options);
        var expected = File.ReadAllBytes(output);
        foreach (var tiles in new[] { 1, 2, 5 })
        {
            var report = await pipeline.RunAsync(scene, output, options with { PanelTiles = tiles });
            Assert.Equal(expected, File.ReadAllBytes(output));
            Assert.True(report.Plan.Panels > 1);
            Assert.Equal(whole.Pixels with { SquareKilometres = null }, report.Pixels with { SquareKilometres = null });
            using var stop = new CancellationTokenSource();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.RunAsync(scene, output, options with { PanelTiles = tiles }, new StopAfter(6, stop), stop.Token));
            await pipeline.RunAsync(scene, output, options);
            Assert.Equal(expected, File.ReadAllBytes(output));
        }
    }

    [Theory, InlineData(24), InlineData(40)]
    public async Task A_larger_output_that_is_no_multiple_is_refused_with_the_sizes(int edge)
    {
        using var model = EoModel.Load(TestModels.Save(_folder, $"odd-{edge}", 1, Tile, (op, x) => op.Resize(x, edge, edge, "linear"), TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 20, 20, 1, TestScenes.Pixels(20, 20, 1, seed: 1, holes: 0)));
        var refusal = await Assert.ThrowsAsync<ModelException>(() => new ScenePipeline(model).MapAsync(scene));
        Assert.Contains($"[1, 1, {edge}, {edge}]", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"multiple of {Tile}", refusal.Message, StringComparison.Ordinal);
    }

    private EoModel Middle(int first, int end) => EoModel.Load(TestModels.Save(
        _folder, $"middle-{first}-{end}", 1, Tile, (op, x) => op.Slice(op.Slice(x, 2, first, end), 3, first, end), TestModels.Manifest(ModelTask.Regression, 1, Tile)));

    private EoModel Finer(int factor) => EoModel.Load(TestModels.Save(
        _folder, $"finer-{factor}", 1, Tile, (op, x) => op.Resize(x, Tile * factor, Tile * factor, "nearest"), TestModels.Manifest(ModelTask.Regression, 1, Tile)));

    private static void AssertEqual(float[] expected, ReadOnlySpan<float> found, BlendMode blend)
    {
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i] == TestScenes.Missing || expected[i] == TestScenes.Missing / 255)
            {
                Assert.True(float.IsNaN(found[i]));
            }
            else
            {
                Assert.Equal(expected[i], found[i], blend == BlendMode.None ? 0 : 1e-4f);
            }
        }
    }

    private sealed class StopAfter(int reports, CancellationTokenSource stop) : IProgress<SceneProgress>
    {
        private int _seen;

        public void Report(SceneProgress value)
        {
            if (++_seen == reports)
            {
                stop.Cancel();
            }
        }
    }
}
