using EoOnnx.Tests;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class SceneResumeTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-resume-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(BlendMode.None), InlineData(BlendMode.Cosine)]
    public async Task A_run_cancelled_at_any_moment_leaves_no_map_and_its_continuation_gives_the_same_bytes(BlendMode blend)
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 120, 150, 1, TestScenes.Pixels(120, 150, 1, seed: 4, holes: 0.1)));
        var options = new SceneOptions { Overlap = 8, Blend = blend, Batch = 3, Confidence = ConfidenceBand.Margin };
        var whole = Path.Combine(_folder, "whole.tif");
        var expected = await new ScenePipeline(model).RunAsync(scene, whole, options);
        var random = new Random(1);
        for (var attempt = 0; attempt < 8; attempt++)
        {
            var output = Path.Combine(_folder, $"resumed{attempt}.tif");
            SceneReport report;
            do
            {
                using var stop = new CancellationTokenSource();
                var progress = new StopAfter(random.Next(1, 60), stop);
                try
                {
                    report = await new ScenePipeline(model).RunAsync(scene, output, options, progress, stop.Token);
                    break;
                }
                catch (OperationCanceledException)
                {
                    Assert.False(File.Exists(output));
                    Assert.True(Directory.Exists(output + ".eoonnx"));
                }
            }
            while (true);
            Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(output));
            Assert.Equal(expected.Classes, report.Classes);
            Assert.Equal(expected.Pixels, report.Pixels);
        }
    }

    [Fact]
    public async Task A_cancelled_run_ends_within_the_batches_that_are_on_their_way_and_closes_every_handle()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 900, 900, 1, new float[900 * 900]));
        var before = RasterDataset.OpenHandles;
        using var stop = new CancellationTokenSource();
        var progress = new StopAfter(5, stop);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, "map.tif"), null, progress, stop.Token));
        Assert.InRange(progress.SeenAfterwards, 0, 8);
        Assert.Equal(before, RasterDataset.OpenHandles);
        Assert.False(File.Exists(Path.Combine(_folder, "map.tif")));
    }

    [Fact]
    public async Task An_unfinished_run_with_other_options_is_refused_by_name_and_discarded_on_request()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 200, 200, 1, TestScenes.Pixels(200, 200, 1, seed: 1, holes: 0)));
        var output = Path.Combine(_folder, "map.tif");
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Overlap = 4 }, new StopAfter(20, stop), stop.Token));
        var refusal = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Overlap = 6 }));
        Assert.Contains("EOONNX_OVERLAP: 4 there, 6 now", refusal.Message, StringComparison.Ordinal);
        await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Overlap = 6, Restart = true });
        Assert.True(File.Exists(output));
    }

    private sealed class StopAfter(int reports, CancellationTokenSource stop) : IProgress<SceneProgress>
    {
        private int _seen;

        public int SeenAfterwards => Math.Max(0, _seen - reports);

        public void Report(SceneProgress value)
        {
            if (++_seen == reports)
            {
                stop.Cancel();
            }
        }
    }
}
