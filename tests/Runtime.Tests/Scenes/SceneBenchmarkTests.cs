using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class SceneBenchmarkTests : IDisposable
{
    private const int Tile = 32;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-benchmark-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_model_alone_and_whole_runs_take_turns_over_as_many_tiles_and_nothing_is_left_behind()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var path = Path.Combine(_folder, "scene.tif");
        BenchmarkScene.Write(path, new PixelSize(150, 130), ["B01"], [1500]);
        using var scene = RasterDataset.Open(path);
        var told = new List<string>();
        var report = await new SceneBenchmark(model).RunAsync(scene, _folder, new SceneOptions { Overlap = TileOverlap.Parse("8"), Batch = 4 }, turns: 2, new Told(told));
        Assert.Equal((150, 130, 6 * 6, Tile, 8, 4, model.Threads), (report.Width, report.Height, report.Tiles, report.Tile, report.Overlap, report.Batch, report.Threads));
        Assert.Equal(["model alone", "scene", "model alone", "scene"], told);
        foreach (var rate in new[] { report.ModelTilesPerSecond, report.SceneTilesPerSecond, report.StreamedTilesPerSecond })
        {
            Assert.InRange(rate.Median, rate.Lowest, rate.Highest);
            Assert.True(rate.Lowest > 0);
        }

        Assert.Equal(1 - (report.SceneTilesPerSecond.Median / report.ModelTilesPerSecond.Median), report.Overhead, 1e-12);
        Assert.True(report.StreamOverhead <= report.Overhead);
        Assert.Equal(["scene.tif", $"threshold-{Tile}.onnx"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.True((await new SceneBenchmark(model).RunAsync(null, new PixelSize(64, 64), turns: 1)).Tiles > 0);
    }

    [Fact]
    public void Invented_scenes_of_a_seed_are_alike_and_about_as_bright_as_wanted()
    {
        byte[] Bytes(string name, int seed)
        {
            var path = Path.Combine(_folder, name + ".tif");
            BenchmarkScene.Write(path, new PixelSize(90, 200), ["dark", "bright"], [500, 5000], seed);
            return File.ReadAllBytes(path);
        }

        Assert.Equal(Bytes("one", 1), Bytes("again", 1));
        Assert.NotEqual(Bytes("one", 1), Bytes("other", 2));
        using var scene = RasterDataset.Open(Path.Combine(_folder, "one.tif"));
        Assert.Equal(["dark", "bright"], scene.Bands.Select(band => band.Name));
        Assert.Equal(RasterType.UInt16, scene.Bands[0].Type);
        var pixels = TestScenes.Read<ushort>(scene.Path);
        Assert.All(new[] { (First: 0, Mean: 500.0), (First: 90 * 200, Mean: 5000.0) }, band => Assert.Equal(band.Mean, pixels.Skip(band.First).Take(90 * 200).Average(value => value), 150.0));
    }

    private sealed class Told(List<string> stages) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value) => stages.Add(value.Stage);
    }
}
