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
    public async Task A_taller_scene_takes_no_more_buffers_and_tiles_allocate_nothing_beside_calls_of_the_model_and_finished_rows()
    {
        // About 500 bytes a call: names and handles that ONNX Runtime's own binding makes, waiting on channels, progress. About 1,500 bytes a row of tiles, of
        // which there are 14 here: the line in the journal, the look at the scene's files, waiting. Pixels allocate nothing. With two numbers of tiles a
        // call the two parts can be told apart.
        const int few = 4, many = 16;
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var (withFew, withMany) = (await PerTile(model, few), await PerTile(model, many));
        var perCall = (withFew - withMany) / ((1.0 / few) - (1.0 / many));
        var perTile = withFew - (perCall / few);
        TestContext.Current.TestOutputHelper!.WriteLine($"{withFew:F0} bytes a tile at {few} tiles a call, {withMany:F0} at {many}: {perCall:F0} a call, {perTile:F0} a tile for its row");
        Assert.True(withFew < 500, $"{withFew} bytes a tile at {few} tiles a call");
        Assert.True(withMany < 400, $"{withMany} bytes a tile at {many} tiles a call");
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
        // Of the stream alone: what is made of the finished map follows the size of its picture.
        var (before, after) = (0L, 0L);
        var report = await new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, $"map{height}.tif"), new SceneOptions { Batch = batch, Overwrite = true, InputCheck = InputCheck.Off }, new Observer(stage =>
        {
            before = stage == "planned" ? GC.GetTotalAllocatedBytes(precise: true) : before;
            after = stage == "finishing" ? GC.GetTotalAllocatedBytes(precise: true) : after;
        }));
        return (report, after - before);
    }

    private sealed class Observer(Action<string> see) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value) => see(value.Stage);
    }
}
