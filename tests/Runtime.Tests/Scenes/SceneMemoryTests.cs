using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Counts what the process allocates, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(SceneMemoryTests), DisableParallelization = true)]
public sealed class SceneMemoryAlone;

[Collection(nameof(SceneMemoryTests))]
public sealed class SceneMemoryTests : IDisposable
{
    private const int Tile = 32, Width = 320;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-memory-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_taller_scene_takes_no_more_buffers_and_a_tile_allocates_nothing_beside_what_a_call_of_the_model_does()
    {
        // What a call allocates - names and handles that ONNX Runtime's own binding makes, waiting on channels, progress - does not depend on its tiles:
        // with two numbers of tiles a call the two parts can be told apart.
        const int few = 4, many = 16;
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var (withFew, withMany) = (await PerTile(model, few), await PerTile(model, many));
        var perCall = (withFew - withMany) / ((1.0 / few) - (1.0 / many));
        var perTile = withFew - (perCall / few);
        TestContext.Current.TestOutputHelper!.WriteLine($"{withFew:F0} bytes a tile at {few} tiles a call, {withMany:F0} at {many}: {perCall:F0} a call, {perTile:F0} a tile");
        Assert.True(withFew < 1000, $"{withFew} bytes a tile at {few} tiles a call");
        Assert.True(withMany < 250, $"{withMany} bytes a tile at {many} tiles a call");
    }

    // By the difference of two heights, which what is made once for a scene does not enter.
    private async Task<double> PerTile(EoModel model, int batch)
    {
        await Run(model, 4096, batch); // warm-up
        var (low, high) = (await Run(model, 1024, batch), await Run(model, 4096, batch));
        Assert.Equal(low.Report.Memory.BufferBytes, high.Report.Memory.BufferBytes);
        return (double)(high.Allocated - low.Allocated) / (high.Report.Plan.Tiles - low.Report.Plan.Tiles);
    }

    private async Task<(SceneReport Report, long Allocated)> Run(EoModel model, int height, int batch)
    {
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, $"scene{height}", Width, height, 1, new float[Width * height]));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var report = await new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, $"map{height}.tif"), new SceneOptions { Batch = batch, Overwrite = true });
        return (report, GC.GetTotalAllocatedBytes(precise: true) - before);
    }
}
