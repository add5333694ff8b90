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
    public async Task A_taller_scene_takes_no_more_buffers_and_a_tile_allocates_next_to_nothing()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        await Run(model, 4096); // warm-up of all that is made once, for either height
        var (low, high) = (await Run(model, 1024), await Run(model, 4096));
        Assert.Equal(low.Report.Memory.BufferBytes, high.Report.Memory.BufferBytes);
        var perTile = (double)(high.Allocated - low.Allocated) / (high.Report.Plan.Tiles - low.Report.Plan.Tiles);
        TestContext.Current.TestOutputHelper!.WriteLine($"{perTile:F0} bytes a tile");
        Assert.True(perTile < 1000, $"{perTile} bytes a tile");
    }

    private async Task<(SceneReport Report, long Allocated)> Run(EoModel model, int height)
    {
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, $"scene{height}", Width, height, 1, new float[Width * height]));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var report = await new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, $"map{height}.tif"), new SceneOptions { Batch = 4, Overwrite = true });
        return (report, GC.GetTotalAllocatedBytes(precise: true) - before);
    }
}
