using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes.Batch;

/// <summary>A batch takes as a scene whatever a single run takes.</summary>
public sealed class BatchSourcesTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-sources-").FullName;
    private readonly EoModel _model;

    public BatchSourcesTests() => _model = EoModel.Load(TestModels.Save(_folder, "difference", 2, Tile, (op, x) => op.Sub(op.Slice(x, 1, 0, 1), op.Slice(x, 1, 1, 2)), TestModels.Manifest(ModelTask.Regression, 2, Tile) with
    {
        Bands = [new ManifestBand("red", 0.1, 1), new ManifestBand("nir08", 0.1, 1)], ValueScale = 0.0001,
    }));

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Products_and_items_are_mapped_with_their_own_bands_factors_and_offsets()
    {
        SmallProducts.Landsat(In("scenes"));
        SmallProducts.Hls(In("scenes"));
        SmallProducts.ItemImages(_folder);
        File.WriteAllText(In("items.json"), SmallProducts.ItemCollection(SmallProducts.Item("one"), SmallProducts.Item("two")));
        var scenes = await SceneList.ReadAsync([In("scenes"), In("items.json")], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(4, scenes.Count);
        var report = await RunAsync(scenes);
        Assert.All(report.Scenes, scene => Assert.True(scene.Status == SceneStatus.Done, $"{scene.Scene}: {scene.Error}"));
        foreach (var scene in report.Scenes)
        {
            Assert.All(TestScenes.Read<float>(scene.Map), value => Assert.Equal(SmallProducts.Red - SmallProducts.NearInfrared, value, 3e-5));
        }

        Assert.All((await RunAsync(scenes)).Scenes, scene => Assert.Equal(SceneStatus.Skipped, scene.Status));
    }

    [Fact]
    public async Task A_batch_gives_the_bytes_that_a_single_run_gives()
    {
        var landsat = SmallProducts.Landsat(_folder);
        var request = new SceneRequest { Resolution = 25 };
        var scenes = await SceneList.ReadAsync([landsat], new SceneListOptions { Request = request }, TestContext.Current.CancellationToken);
        var batch = Assert.Single((await RunAsync(scenes)).Scenes);
        using var alone = Scene.Open(_model, request with { Sources = [landsat] });
        Assert.Equal(new PixelSize(16, 16), alone.Dataset.Size);
        await new ScenePipeline(_model).RunAsync(alone, In("alone.tif"), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(In("alone.tif")), File.ReadAllBytes(batch.Map));
    }

    [Fact]
    public async Task Items_of_a_server_are_found_by_their_own_address_or_in_the_page_that_lists_them()
    {
        SmallProducts.ItemImages(_folder);
        Directory.CreateDirectory(In("collections/c/items"));
        File.WriteAllText(In("collections/c/items/one"), SmallProducts.Item("one", "/"));
        File.WriteAllText(In("search"), SmallProducts.ItemCollection(SmallProducts.Item("one", "/", """{"rel": "self", "href": "/collections/c/items/one"}"""), SmallProducts.Item("two", "/")));
        using var server = SmallProducts.Serve(_folder);
        var scenes = await SceneList.ReadAsync([$"{server.Address}search?limit=2"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([$"{server.Address}collections/c/items/one", $"{server.Address}search?limit=2#two"], scenes.Select(scene => scene.Path));
        Assert.All((await RunAsync(scenes)).Scenes, scene => Assert.True(scene.Status == SceneStatus.Done, $"{scene.Scene}: {scene.Error}"));
        Assert.All(TestScenes.Read<float>(In("maps/two.tif")), value => Assert.Equal(SmallProducts.Red - SmallProducts.NearInfrared, value, 3e-5));
    }

    [Fact]
    public async Task An_item_of_one_image_takes_the_bands_that_the_file_names()
    {
        GeoTiffWriter.Write<float>(In("pair.tif"), TestScenes.Profile(20, 20, 2) with { BandNames = ["nir08", "red"] }, [.. Enumerable.Repeat(0.35f, 400), .. Enumerable.Repeat(0.075f, 400)]);
        File.WriteAllText(In("item.json"), """{"type": "Feature", "stac_version": "1.0.0", "id": "pair", "properties": {}, "assets": {"data": {"href": "pair.tif", "type": "image/tiff", "roles": ["data"]}}}""");
        var outcome = Assert.Single((await RunAsync(await SceneList.ReadAsync([In("item.json")], cancellation: TestContext.Current.CancellationToken), new SceneOptions { Scale = [1], Offset = [0] })).Scenes);
        Assert.True(outcome.Status == SceneStatus.Done, outcome.Error);
        Assert.All(TestScenes.Read<float>(outcome.Map), value => Assert.Equal(SmallProducts.Red - SmallProducts.NearInfrared, value, 1e-5));
    }

    private Task<BatchReport> RunAsync(IReadOnlyList<SceneEntry> scenes, SceneOptions? options = null) => new SceneBatch(_model).RunAsync(
        new MapNaming { Folder = In("maps") }.Apply(scenes), new BatchOptions { Scene = options ?? new SceneOptions() }, cancellation: TestContext.Current.CancellationToken);

    private string In(string name) => Path.Combine(_folder, name);
}
