using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class SceneOutputTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-many-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Several_adapters_make_from_one_reading_the_files_that_single_runs_make_also_when_interrupted()
    {
        using var model = Model();
        using var calm = Adapter(model, "calm", 0);
        using var wild = Adapter(model, "wild", -40);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 120, 100, 1, TestScenes.Pixels(120, 100, 1, seed: 8, holes: 0.1)));
        var pipeline = new ScenePipeline(model);
        var options = new SceneOptions { Overlap = 6, Batch = 4, Confidence = ConfidenceBand.Margin };
        var single = new List<SceneReport>();
        foreach (var adapter in new[] { calm, wild })
        {
            single.Add(await pipeline.RunAsync(scene, Path.Combine(_folder, $"single-{Path.GetFileNameWithoutExtension(adapter.Path)}.tif"), options with { Adapter = adapter }));
        }

        var maps = SceneOutput.For(Path.Combine(_folder, "both-{adapter}.tif"), [calm, wild]);
        using var stop = new CancellationTokenSource();
        var seen = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.RunAsync(scene, maps, options, new Reaction(() =>
        {
            if (++seen == 20)
            {
                stop.Cancel();
            }
        }), stop.Token));
        var reports = await pipeline.RunAsync(scene, maps, options);
        foreach (var (map, report, expected) in maps.Zip(reports, single))
        {
            Assert.Equal(File.ReadAllBytes(expected.Map), File.ReadAllBytes(map.Path));
            Assert.Equal((expected.Pixels, expected.Adapter), (report.Pixels, report.Adapter));
            Assert.Equal(expected.Classes, report.Classes);
        }

        Assert.NotEqual(File.ReadAllBytes(maps[0].Path), File.ReadAllBytes(maps[1].Path));
    }

    [Fact]
    public void Maps_of_several_adapters_are_named_by_a_pattern_or_in_a_folder_and_one_file_for_all_is_refused()
    {
        using var model = Model();
        using var first = Adapter(model, "first", 0);
        using var second = Adapter(model, "second/adapter", 1);
        Assert.Equal([Path.Combine(_folder, "first.tif"), Path.Combine(_folder, "second.tif")], SceneOutput.For(_folder, [first, second]).Select(map => map.Path));
        Assert.Equal(["m-first.tif", "m-second.tif"], SceneOutput.For("m-{adapter}.tif", [first, second]).Select(map => map.Path));
        Assert.Equal("map.tif", Assert.Single(SceneOutput.For("map.tif", [first])).Path);
        Assert.Contains("map-{adapter}.tif", Assert.Throws<ArgumentException>(() => SceneOutput.For("map.tif", [first, second])).Message, StringComparison.Ordinal);
    }

    private EoModel Model() => EoModel.Load(TestModels.Save(_folder, "base", 1, Tile, (op, x) =>
        op.Concat(1, op.Mul(x, 0), op.Add(x, op.OverridableInput("head.bias", TensorData.FromValues<float>([1], [0f])))), TestModels.Manifest(ModelTask.Segmentation, 1, Tile)));

    private EoAdapter Adapter(EoModel model, string name, float bias)
    {
        var file = Path.Combine(_folder, name + ".safetensors");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        SafetensorsFile.Write(file, [KeyValuePair.Create("head.bias", TensorData.FromValues<float>([1], [bias]))], new Dictionary<string, string>());
        return model.LoadAdapter(file);
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
