using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class SceneMapTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-memory-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_map_in_memory_equals_the_map_in_a_file_pixel_for_pixel()
    {
        var (width, height) = (53, 41);
        var pixels = TestScenes.Pixels(width, height, 2, seed: 3, holes: 0.1);
        using var model = TestScenes.Identity(_folder, 2, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", width, height, 2, pixels));
        var (pipeline, options, file) = (new ScenePipeline(model), new SceneOptions { Overlap = 4 }, Path.Combine(_folder, "map.tif"));
        await pipeline.RunAsync(scene, file, options);
        var fromFile = await pipeline.MapAsync(scene, options);
        var fromArray = await pipeline.MapAsync<float>(pixels, TestScenes.Profile(width, height, 2) with { NoData = TestScenes.Missing }, options);
        Assert.Equal(TestScenes.Read<float>(file), fromFile.Pixels<float>().ToArray());
        Assert.Equal(TestScenes.Read<float>(file), fromArray.Pixels<float>().ToArray());
        Assert.Equal(fromFile.Band<float>(2).ToArray(), fromFile.Pixels<float>()[(width * height)..].ToArray());
        Assert.Equal((scene.Transform, "", fromFile.Report.Pixels), (fromArray.Profile.Transform, fromArray.Report.Map, fromArray.Report.Pixels));
    }

    [Fact]
    public async Task Sixteen_bit_pixels_become_classes_with_names_and_colours()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile, threshold: 500));
        var pixels = Enumerable.Range(0, 30 * 20).Select(i => (ushort)(i * 7 % 1000)).ToArray();
        var map = await new ScenePipeline(model).MapAsync<ushort>(pixels, TestScenes.Profile(30, 20, type: RasterType.UInt16));
        Assert.Equal(pixels.Select(value => value > 500 ? (byte)7 : (byte)3), map.Pixels<byte>().ToArray());
        Assert.Equal(("low", "high", (byte)0x10), (map.Profile.CategoryNames[3], map.Profile.CategoryNames[7], map.Profile.Colors[3].Red));
        Assert.Contains("Byte", Assert.Throws<RasterException>(() => map.Pixels<float>().Length).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scene_in_memory_writes_the_same_file_every_time()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        var pixels = TestScenes.Pixels(40, 40, 1, seed: 5, holes: 0);
        var files = new List<byte[]>();
        foreach (var name in (string[])["first.tif", "second.tif"])
        {
            using var scene = MemoryRaster.From<float>(pixels, TestScenes.Profile(40, 40) with { BandNames = ["B01"] });
            await new ScenePipeline(model).RunAsync(scene.Dataset, Path.Combine(_folder, name));
            files.Add(await File.ReadAllBytesAsync(Path.Combine(_folder, name)));
        }

        Assert.Equal(files[0], files[1]);
    }

    [Fact]
    public async Task Nothing_stays_open_after_a_cancelled_run_in_memory()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var stop = new CancellationTokenSource();
        var before = RasterDataset.OpenHandles;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).MapAsync<float>(
            new float[400 * 400], TestScenes.Profile(400, 400), progress: new Stopper(stop), cancellation: stop.Token));
        Assert.Equal(before, RasterDataset.OpenHandles);
    }

    [Fact]
    public async Task Many_scenes_at_once_on_one_session_with_different_adapters_give_the_maps_of_serial_runs()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "shifted", 1, Tile, (op, x) => op.Add(
            op.Relu(x), op.OverridableInput("head.bias", TensorData.FromValues<float>([1], [0f]))), TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        var adapters = Enumerable.Range(1, 3).Select(LoadAdapter).Prepend(null).ToArray();
        var scenes = Enumerable.Range(0, 24).Select(seed => TestScenes.Pixels(60 + seed, 45, 1, seed, holes: 0.05)).ToArray();
        var serial = new List<float[]>();
        for (var i = 0; i < scenes.Length; i++)
        {
            serial.Add((await MapAsync(i)).Pixels<float>().ToArray());
        }

        var parallel = await Task.WhenAll(Enumerable.Range(0, scenes.Length).Select(MapAsync));
        Assert.All(parallel.Index(), map => Assert.Equal(serial[map.Index], map.Item.Pixels<float>().ToArray()));
        Assert.All(serial.Index(), map => Assert.Equal(map.Index % adapters.Length, map.Item.Where(float.IsFinite).Min(), 3));
        foreach (var adapter in adapters)
        {
            adapter?.Dispose();
        }

        Task<SceneMap> MapAsync(int i) => new ScenePipeline(model).MapAsync<float>(
            scenes[i], TestScenes.Profile(60 + i, 45) with { NoData = TestScenes.Missing }, new SceneOptions { Adapter = adapters[i % adapters.Length], Overlap = 4, Batch = 2 });

        EoAdapter? LoadAdapter(int bias)
        {
            var file = Path.Combine(_folder, $"bias-{bias}.safetensors");
            SafetensorsFile.Write(file, [KeyValuePair.Create("head.bias", TensorData.FromValues<float>([1], [(float)bias]))], new Dictionary<string, string>());
            return model.LoadAdapter(file);
        }
    }

    private sealed class Stopper(CancellationTokenSource stop) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value) => stop.Cancel();
    }
}
