using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class InputGuardTests : IDisposable
{
    private const int Size = 200, Tile = 16;
    private static readonly double[] Means = [600, 1100, 2800, 1900];
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-guard-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_scene_like_the_training_data_gives_no_warning() => Assert.Empty(await Warnings(Values));

    [Fact]
    public async Task Reflectance_instead_of_digital_numbers_is_named_with_the_scale_that_mends_it_and_mended_by_it()
    {
        var scene = Write(i => Values(i).Select(value => value / 10_000).ToArray(), named: true, RasterType.Float32);
        Assert.Contains("--scale 10000.", Assert.Single(await Run(scene, new SceneOptions())), StringComparison.Ordinal);
        Assert.Empty(await Run(scene, new SceneOptions { Scale = [10_000] }));
    }

    [Fact]
    public async Task Landsat_numbers_for_a_model_of_reflectance_are_named_with_scale_and_offset()
    {
        var scene = Write(i => Values(i).Select(value => (float)Math.Round(((value / 10_000) + 0.2) / 2.75e-5)).ToArray(), named: true, RasterType.UInt16);
        Assert.Contains("--scale 2.75E-05 --offset -0.2", (await Run(scene, new SceneOptions(), unit: 1e-4))[0], StringComparison.Ordinal);
        Assert.Empty(await Run(scene, new SceneOptions { Scale = [2.75e-5], Offset = [-0.2] }, unit: 1e-4));
    }

    [Fact]
    public async Task The_offset_of_new_Sentinel_2_products_is_named_and_mended()
    {
        var scene = Write(i => Values(i).Select(value => value + 1000).ToArray(), named: true, RasterType.UInt16);
        Assert.Contains("--offset -1000", (await Run(scene, new SceneOptions()))[0], StringComparison.Ordinal);
        Assert.Empty(await Run(scene, new SceneOptions { Offset = [-1000] }));
    }

    [Fact]
    public async Task Bands_in_another_order_are_named_with_the_order_that_fits()
    {
        var scene = Write(i => Values(i) is var v ? [v[2], v[1], v[0], v[3]] : [], named: false, RasterType.UInt16);
        Assert.Contains(await Run(scene, new SceneOptions()), warning => warning.Contains("--bands 3,2,1,4 instead of 1,2,3,4", StringComparison.Ordinal));
        Assert.Empty(await Run(scene, new SceneOptions { Bands = ["3", "2", "1", "4"] }));
    }

    [Fact]
    public async Task Nodata_that_counts_as_data_is_named_with_its_value_and_mended()
    {
        var scene = Write(i => i % 7 == 0 ? [0, 0, 0, 0] : Values(i), named: true, RasterType.UInt16);
        Assert.Contains("--nodata 0", Assert.Single(await Run(scene, new SceneOptions())), StringComparison.Ordinal);
        Assert.Empty(await Run(scene, new SceneOptions { Validity = new ValidityOptions(Override: 0) }));
    }

    [Fact]
    public async Task Nodata_hides_no_offset_both_are_named_and_both_flags_mend_them()
    {
        var scene = Write(i => i % 7 == 0 ? [0, 0, 0, 0] : Values(i).Select(value => value + 1000).ToArray(), named: true, RasterType.UInt16);
        var warnings = await Run(scene, new SceneOptions());
        Assert.Contains("--nodata 0", warnings[0], StringComparison.Ordinal);
        Assert.Contains("--offset -1000", warnings[1], StringComparison.Ordinal);
        Assert.Empty(await Run(scene, new SceneOptions { Validity = new ValidityOptions(Override: 0), Offset = [-1000] }));
    }

    [Fact]
    public async Task Pixels_in_memory_are_examined_as_those_of_a_file_are()
    {
        ushort[] pixels = [.. Enumerable.Range(0, Means.Length).SelectMany(band => Enumerable.Range(0, Size * Size).Select(i => (ushort)(Values(i)[band] + 1000)))];
        using var model = Model(unit: 1);
        var profile = TestScenes.Profile(Size, Size, Means.Length, RasterType.UInt16) with { BandNames = [.. Means.Select((_, i) => $"B{i + 1:00}")] };
        var map = await new ScenePipeline(model).MapAsync<ushort>(pixels, profile, cancellation: TestContext.Current.CancellationToken);
        Assert.Contains("--offset -1000", map.Report.Warnings[0], StringComparison.Ordinal);
        Assert.Contains("--input-check warn", (await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).MapAsync<ushort>(pixels, profile, new SceneOptions { InputCheck = InputCheck.Fail }))).Message, StringComparison.Ordinal);
        Assert.Empty((await new ScenePipeline(model).MapAsync<ushort>(pixels, profile, new SceneOptions { Offset = [-1000] })).Report.Warnings);
    }

    [Fact]
    public async Task A_failing_check_runs_nothing_and_one_that_is_off_says_nothing()
    {
        var scene = Write(i => Values(i).Select(value => value + 1000).ToArray(), named: true, RasterType.UInt16);
        var failure = await Assert.ThrowsAsync<RasterException>(() => Run(scene, new SceneOptions { InputCheck = InputCheck.Fail }));
        Assert.Contains("--input-check warn", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "map.tif.eoonnx")));
        Assert.DoesNotContain(await Run(scene, new SceneOptions { InputCheck = InputCheck.Off }), warning => warning.Contains("--offset -1000.", StringComparison.Ordinal));
    }

    private static float[] Values(int pixel) => [.. Means.Select((mean, band) => (float)(mean * (0.55 + (0.9 * ((pixel * (7919 + band) % 1000) / 1000.0)))))];

    private Task<IReadOnlyList<string>> Warnings(Func<int, float[]> values) => Run(Write(values, named: true, RasterType.UInt16), new SceneOptions());

    private async Task<IReadOnlyList<string>> Run(string path, SceneOptions options, double unit = 1)
    {
        using var model = Model(unit);
        using var scene = RasterDataset.Open(path);
        return (await new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, "map.tif"), options with { Overwrite = true })).Warnings;
    }

    private EoModel Model(double unit) => EoModel.Load(TestModels.Save(_folder, "model", Means.Length, Tile, (op, x) => op.Identity(x), TestModels.Manifest(ModelTask.Regression, Means.Length, Tile) with
    {
        Bands = [.. Means.Select((mean, i) => new ManifestBand($"B{i + 1:00}", mean * unit, mean * unit * 0.4))],
    }));

    private string Write(Func<int, float[]> values, bool named, RasterType type)
    {
        var path = Path.Combine(_folder, "scene.tif");
        var pixels = new float[Means.Length * Size * Size];
        for (var i = 0; i < Size * Size; i++)
        {
            foreach (var (band, value) in values(i).Index())
            {
                pixels[(band * Size * Size) + i] = value;
            }
        }

        var profile = TestScenes.Profile(Size, Size, Means.Length, type) with { BandNames = named ? [.. Means.Select((_, i) => $"B{i + 1:00}")] : [] };
        if (type == RasterType.UInt16)
        {
            GeoTiffWriter.Write<ushort>(path, profile, [.. pixels.Select(value => (ushort)value)]);
        }
        else
        {
            GeoTiffWriter.Write<float>(path, profile, pixels);
        }

        return path;
    }
}
