using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class BatchProbeTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-probe-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 100d, 101d, 102d, 102.9)]
    [InlineData(2, 100d, 110d, 111d, 112d)]
    [InlineData(8, 100d, 110d, 120d, 130d)]
    [InlineData(4, 100d, 110d, 130d, 90d)]
    public void The_smallest_batch_within_three_per_cent_of_the_fastest_is_taken(int expected, params double[] rates) =>
        Assert.Equal(expected, BatchProbe.Best([.. rates.Select((rate, i) => new BatchRate(1 << i, rate))]));

    [Fact]
    public async Task A_measured_batch_is_shown_with_its_measurement_and_changes_no_byte()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 90, 70, 1, TestScenes.Pixels(90, 70, 1, seed: 2, holes: 0.1)));
        var pipeline = new ScenePipeline(model);
        var measured = await pipeline.RunAsync(scene, Path.Combine(_folder, "auto.tif"), new SceneOptions { MeasureBatch = true });
        var plan = measured.Memory.Plan;
        Assert.Equal(BatchProbe.Best(plan.Rates), plan.Batch);
        Assert.Equal(Enumerable.Range(0, plan.Rates.Count).Select(i => 1 << i), plan.Rates.Select(rate => rate.Batch));
        Assert.All(plan.Rates, rate => Assert.True(rate.TilesPerSecond > 0));
        Assert.Contains($"{plan.Batch} tiles a call (measured 1: ", plan.ToString(), StringComparison.Ordinal);
        await pipeline.RunAsync(scene, Path.Combine(_folder, "three.tif"), new SceneOptions { Batch = 3 });
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "three.tif")), File.ReadAllBytes(Path.Combine(_folder, "auto.tif")));

        // It is measured once for the model.
        Assert.Same(plan.Rates, (await pipeline.RunAsync(scene, Path.Combine(_folder, "again.tif"), new SceneOptions { MeasureBatch = true })).Memory.Plan.Rates);
    }

    [Fact]
    public void A_measured_batch_stays_within_the_memory_that_is_allowed()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, 128));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 300, 300, 1, new float[300 * 300]));
        SceneOutput[] maps = [new(Path.Combine(_folder, "map.tif"))];
        var one = new ScenePipeline(model).Plan(scene, maps, new SceneOptions { Batch = 1 }).Memory;
        var least = (one.TotalBytes + (64L << 20)) >> 20 << 20;
        var plan = new ScenePipeline(model).Plan(scene, maps, new SceneOptions { MeasureBatch = true, Memory = least }).Memory;
        Assert.True(plan.TotalBytes <= plan.BudgetBytes, plan.ToString());
        Assert.NotEmpty(plan.Rates);
    }

    [Fact]
    public async Task A_measured_batch_is_refused_where_the_batch_is_stated()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 40, 40, 1, new float[1600]));
        foreach (var (options, expected) in new[] { (new SceneOptions { MeasureBatch = true, Batch = 2 }, "--batch 2"), (new SceneOptions { MeasureBatch = true, Deterministic = true }, "--deterministic") })
        {
            var refusal = await Assert.ThrowsAsync<ArgumentException>(() => new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, "map.tif"), options));
            Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_model_is_tried_once_for_each_tile_and_output()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var runs = 0;
        TensorData Run()
        {
            runs++;
            return TensorData.FromValues<float>([1], [0]);
        }

        Assert.Same(ModelTrials.Of(model, null, new PixelSize(Tile, Tile), 1, "logits").FirstRun(Run), ModelTrials.Of(model, null, new PixelSize(Tile, Tile), 1, "logits").FirstRun(Run));
        Assert.Equal(1, runs);
        ModelTrials.Of(model, null, new PixelSize(Tile, 2 * Tile), 1, "logits").FirstRun(Run);
        ModelTrials.Of(model, null, new PixelSize(Tile, Tile), 1, "other").FirstRun(Run);
        Assert.Equal(3, runs);
    }
}
