using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Which pixels of a scene count, what the model gets instead of the others, and what is said about scenes that are not as they should be.</summary>
public sealed class SceneValidityTests : IDisposable
{
    private const int Tile = 16, Area = Tile * Tile;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-validity-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(null, "-9999", "UInt16", "--nodata V")]
    [InlineData(-1d, "--nodata -1", "UInt16", "can hold")]
    public async Task A_nodata_value_that_the_type_cannot_hold_is_named_also_on_another_grid(double? stated, params string[] said)
    {
        var path = Write(TestScenes.Profile(Tile, Tile, 1, RasterType.UInt16) with { NoData = -9999 }, new ushort[Area]);
        foreach (var resolution in (double?[])[null, 5])
        {
            var (_, report) = await MapAsync(path, new SceneOptions { Validity = new ValidityOptions(Override: stated) }, resolution);
            Assert.Single(report.Warnings, warning => said.All(part => warning.Contains(part, StringComparison.Ordinal)));
            Assert.Equal(0, report.Pixels.NoData);
        }
    }

    [Theory, InlineData("0"), InlineData("none"), InlineData("nan")]
    public async Task A_nodata_value_that_the_user_replaces_is_not_spoken_of(string stated)
    {
        var path = Write(TestScenes.Profile(Tile, Tile, 1, RasterType.UInt16) with { NoData = -9999 }, new ushort[Area]);
        var (_, report) = await MapAsync(path, new SceneOptions { Validity = ValidityOptions.Parse(stated) });
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("nodata", StringComparison.Ordinal));
        Assert.Equal(stated == "0" ? Area : 0, report.Pixels.NoData);
    }

    [Theory]
    [InlineData(-9999f, null, true), InlineData(-9999f, "none", false), InlineData(-9999f, "5", false)]
    [InlineData(float.NaN, null, true), InlineData(float.NaN, "none", true)]
    public async Task The_map_has_no_value_exactly_where_the_scene_has_none(float missing, string? stated, bool isMissing)
    {
        var pixels = Enumerable.Repeat(1f, Area).ToArray();
        pixels[37] = missing;
        var path = Write(TestScenes.Profile(Tile, Tile) with { NoData = missing }, pixels);
        var (map, _) = await MapAsync(path, new SceneOptions { Validity = ValidityOptions.Parse(stated) });
        pixels[37] = isMissing ? float.NaN : missing;
        Assert.Equal(pixels, map);
    }

    [Theory, InlineData(null, 0f), InlineData(7f, 7f)]
    public async Task The_model_gets_the_fill_of_its_manifest_instead_of_missing_pixels(float? fill, float seen)
    {
        // The model gives every pixel the largest value of its tile.
        using var model = EoModel.Load(TestModels.Save(_folder, "largest", 1, Tile, (op, x) => op.Add(op.Mul(x, 0), op.ReduceMax(x, true, 2, 3)), TestModels.Manifest(ModelTask.Regression, 1, Tile) with { Fill = fill }));
        var pixels = Enumerable.Repeat(-3f, Area).ToArray();
        pixels[37] = 9999;
        var (map, _) = await MapAsync(Write(TestScenes.Profile(Tile, Tile) with { NoData = 9999 }, pixels), new SceneOptions(), model: model);
        Assert.Equal((seen, float.NaN), (map[36], map[37]));
    }

    [Fact]
    public async Task A_channel_far_from_the_models_mean_is_named_with_the_flags_that_may_mend_it()
    {
        var (_, report) = await MapAsync(Write(TestScenes.Profile(Tile, Tile), [.. Enumerable.Repeat(3.5f, Area)]), new SceneOptions());
        var warning = Assert.Single(report.Warnings, warning => warning.Contains("B01", StringComparison.Ordinal));
        Assert.All(["3.5", "--scale", "--offset", "--bands"], part => Assert.Contains(part, warning, StringComparison.Ordinal));
        Assert.Empty((await MapAsync(Write(TestScenes.Profile(Tile, Tile), [.. Enumerable.Repeat(2.5f, Area)]), new SceneOptions())).Report.Warnings);
    }

    [Fact]
    public async Task A_scene_without_a_reference_system_gives_a_map_without_one_and_one_warning()
    {
        var (_, report) = await MapAsync(Write(TestScenes.Profile(Tile, Tile) with { Projection = "", Transform = null }, new float[Area]), new SceneOptions());
        Assert.Single(report.Warnings, warning => warning.Contains("no coordinate reference system", StringComparison.Ordinal));
        using var map = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
        Assert.Equal(("", null), (map.Projection, map.Transform));
    }

    [Theory, InlineData(1), InlineData(2)]
    public async Task Rotated_scenes_and_scenes_on_control_points_are_refused_with_the_command_that_helps(int files)
    {
        using var model = TestScenes.Identity(_folder, files, Tile);
        var rotated = Write(TestScenes.Profile(Tile, Tile) with { Transform = new GeoTransform(300_000, 8, 6, 5_000_000, 6, -8) }, new float[Area]);
        var plain = Write(TestScenes.Profile(Tile, Tile) with { Transform = null, Projection = "" }, new float[Area], "plain");
        var placed = Path.Combine(_folder, "placed.vrt");
        await File.WriteAllTextAsync(placed, $"""
            <VRTDataset rasterXSize="{Tile}" rasterYSize="{Tile}"><GCPList Projection="EPSG:4326"><GCP Id="1" Pixel="0" Line="0" X="12" Y="45"/><GCP Id="2" Pixel="9" Line="0" X="12.1" Y="45"/>
            <GCP Id="3" Pixel="0" Line="9" X="12" Y="44.9"/><GCP Id="4" Pixel="9" Line="9" X="12.2" Y="44.8"/></GCPList><VRTRasterBand dataType="Float32" band="1"><SimpleSource>
            <SourceFilename relativeToVRT="1">{Path.GetFileName(plain)}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>
            """, TestContext.Current.CancellationToken);
        foreach (var path in (string[])[rotated, placed])
        {
            var message = (await Assert.ThrowsAsync<RasterException>(() => MapAsync(path, new SceneOptions(), model: model, files: files))).Message;
            Assert.All(["--grid", $"gdalwarp -r near '{path}'"], part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    private string Write<T>(RasterProfile profile, T[] pixels, string name = "scene") where T : unmanaged, System.Numerics.INumberBase<T>
    {
        var path = Path.Combine(_folder, name + ".tif");
        GeoTiffWriter.Write<T>(path, profile, pixels);
        return path;
    }

    private async Task<(float[] Map, SceneReport Report)> MapAsync(string path, SceneOptions options, double? resolution = null, EoModel? model = null, int files = 1)
    {
        using var identity = model is null ? TestScenes.Identity(_folder, 1, Tile) : null;
        var output = Path.Combine(_folder, "map.tif");
        using var scene = Scene.Open(model ?? identity!, new SceneRequest { Sources = [.. Enumerable.Repeat(path, files)], Resolution = resolution }, options with { Overwrite = true, Overlap = TileOverlap.Parse("0"), Blend = BlendMode.None, InputCheck = InputCheck.Off });
        var report = await new ScenePipeline(model ?? identity!).RunAsync(scene, output, cancellation: TestContext.Current.CancellationToken);
        return (TestScenes.Read<float>(output), report);
    }
}
