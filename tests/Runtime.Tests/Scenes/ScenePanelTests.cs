using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class ScenePanelTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-panel-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(BlendMode.None, EdgeMode.Shift), InlineData(BlendMode.Cosine, EdgeMode.Shift)]
    [InlineData(BlendMode.None, EdgeMode.Reflect), InlineData(BlendMode.Linear, EdgeMode.Reflect)]
    public async Task The_file_is_the_same_for_every_width_of_panels_and_number_of_readers(BlendMode blend, EdgeMode edge)
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 150, 90, 1, TestScenes.Pixels(150, 90, 1, seed: 5, holes: 0.2)));
        var options = new SceneOptions { Overlap = 6, Blend = blend, Edge = edge, Confidence = ConfidenceBand.Margin, Overwrite = true, Masks = [SceneMask.Parse($"range:{scene.Path}>80")], Batch = 5 };
        var output = Path.Combine(_folder, "map.tif");
        var whole = await new ScenePipeline(model).RunAsync(scene, output, options);
        var expected = File.ReadAllBytes(output);
        var columns = TilePlan.Create(scene.Size, new TilePlanOptions { Tile = Tile, Overlap = 6, Edge = edge }).X.Count;
        foreach (var tiles in Enumerable.Range(1, columns))
        {
            var report = await new ScenePipeline(model).RunAsync(scene, output, options with { PanelTiles = tiles, Readers = tiles % 9, Prefetch = 1 + (tiles % 4) });
            Assert.Equal(expected, File.ReadAllBytes(output));
            Assert.Equal((columns + tiles - 1) / tiles, report.Plan.Panels);
            Assert.Equal((whole.Pixels with { SquareKilometres = null }, whole.Plan.Skipped), (report.Pixels with { SquareKilometres = null }, report.Plan.Skipped));
        }
    }

    [Theory, InlineData(BlendMode.None), InlineData(BlendMode.Cosine)]
    public async Task A_run_in_panels_that_is_cancelled_anywhere_continues_to_the_same_file_also_with_more_memory(BlendMode blend)
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 100, 120, 1, TestScenes.Pixels(100, 120, 1, seed: 4, holes: 0.1)));
        var options = new SceneOptions { Overlap = 8, Blend = blend, Batch = 3, Confidence = ConfidenceBand.Maximum };
        var whole = Path.Combine(_folder, "whole.tif");
        var expected = await new ScenePipeline(model).RunAsync(scene, whole, options);
        for (var reports = 1; reports < 55; reports += 9)
        {
            var output = Path.Combine(_folder, $"map{reports}.tif");
            using var stop = new CancellationTokenSource();
            var seen = 0;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).RunAsync(scene, output, options with { PanelTiles = 3 },
                new Reaction(() =>
                {
                    if (++seen == reports)
                    {
                        stop.Cancel();
                    }
                }), stop.Token));
            var report = await new ScenePipeline(model).RunAsync(scene, output, options);
            Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(output));
            Assert.Equal(expected.Classes.Select(item => item.Pixels), report.Classes.Select(item => item.Pixels));
        }
    }

    [Fact]
    public async Task Less_memory_halves_the_batch_then_cuts_panels_then_is_refused_with_the_memory_that_would_do()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, 256));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 12_000, 300, 1, TestScenes.Pixels(12_000, 300, 1, seed: 1, holes: 0)));
        var pipeline = new ScenePipeline(model);
        var share = new MemoryShare(1, 200L << 20); // whatever the process takes while other tests run
        SceneOutput[] maps = [new(Path.Combine(_folder, "map.tif"))];
        var ample = pipeline.Plan(scene, maps, new SceneOptions { Batch = 64, Memory = 8L << 30, MemoryShare = share }).Memory;
        Assert.Equal((64, 1), (ample.Batch, ample.Panels));
        var tight = pipeline.Plan(scene, maps, new SceneOptions { Batch = 64, Memory = ample.TotalBytes - (20L << 20), MemoryShare = share }).Memory;
        Assert.True(tight.Batch < 64 && tight.Panels == 1, tight.ToString());
        var single = pipeline.Plan(scene, maps, new SceneOptions { Batch = 1, Memory = 8L << 30, MemoryShare = share }).Memory;
        var panels = pipeline.Plan(scene, maps, new SceneOptions { Batch = 64, Memory = single.TotalBytes - (8L << 20), MemoryShare = share }).Memory;
        Assert.True(panels.Batch == 1 && panels.Panels > 1, panels.ToString());
        Assert.All([ample, tight, panels], plan => Assert.InRange(plan.TotalBytes, 1, plan.BudgetBytes));
        var refusal = Assert.Throws<ModelException>(() => pipeline.Plan(scene, maps, new SceneOptions { Memory = 32 << 20, MemoryShare = share }));
        Assert.Contains("Allow at least", refusal.Message, StringComparison.Ordinal);
        var report = await pipeline.RunAsync(scene, maps[0].Path, new SceneOptions { Batch = 64, Memory = share.ProcessBytes + (220L << 20), MemoryShare = share });
        Assert.InRange(report.Memory.Plan.TotalBytes, 1, report.Memory.Plan.BudgetBytes);
        Assert.Equal(report.Memory.Plan.Batch, report.Plan.Batch);
    }

    [Fact]
    public void Scenes_at_a_time_divide_what_the_process_may_use_once_process_and_model_are_paid_for()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 3000, 40, 1, new float[3000 * 40]));
        const int jobs = 4;
        const long process = 200L << 20; // whatever it is while other tests run
        var options = new SceneOptions { Batch = 64, Memory = process + (160L << 20) };
        var alone = new ScenePipeline(model).Plan(scene, [new SceneOutput(Path.Combine(_folder, "map.tif"))], options with { MemoryShare = new MemoryShare(1, process) }, TestContext.Current.CancellationToken).Memory;
        var shared = new ScenePipeline(model).Plan(scene, [new SceneOutput(Path.Combine(_folder, "map.tif"))], BatchOptions.Share(options, jobs, process), TestContext.Current.CancellationToken).Memory;
        var common = shared.Parts.Where(part => part.Name is "process and model" or "block cache" or "reserve").Sum(part => part.Bytes);
        Assert.Equal((options.Memory - common) / jobs, shared.BudgetBytes - common);
        Assert.InRange(shared.TotalBytes, common, shared.BudgetBytes);
        Assert.Equal(options.Memory, alone.BudgetBytes);
        Assert.Same(options, BatchOptions.Share(options, 1));
    }

    private sealed class Reaction(Action act) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value)
        {
            if (value.Stage == "mapping")
            {
                act();
            }
        }
    }
}
