using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class SceneMaskTests : IDisposable
{
    private const int Tile = 16, Width = 90, Height = 150;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-mask-").FullName;
    private readonly Random _random = new(3);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("scl", 8, true), InlineData("scl", 4, false), InlineData("scl:4,5", 5, true), InlineData("scl:4,5", 8, false)]
    [InlineData("bits:QA_PIXEL:1,3", 8, true), InlineData("bits:QA_PIXEL:1,3", 2, true), InlineData("bits:QA_PIXEL:1,3", 21, false)]
    [InlineData("value:clouds.tif=0,255", 255, true), InlineData("value:clouds.tif=0,255", 1, false), InlineData("value:a=b.tif=7", 7, true)]
    [InlineData("range:CLD>40", 41, true), InlineData("range:CLD>40", 40, false), InlineData("range:CLD>=40", 40, true), InlineData("range:CLD<0.5", 0.4f, true), InlineData("range:CLD<=1", 1, true)]
    public void A_mask_hides_the_values_it_names(string text, float value, bool hidden) => Assert.Equal(hidden, SceneMask.Parse(text).Hides(value));

    [Theory, InlineData("clouds"), InlineData("scl:x"), InlineData("bits:1,2"), InlineData("bits:QA:40"), InlineData("value:file"), InlineData("range:CLD"), InlineData("range:CLD>x")]
    public void Anything_else_is_refused_with_examples(string text) => Assert.Contains("expected scl", Assert.Throws<ArgumentException>(() => SceneMask.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Masks_grow_by_a_square()
    {
        const int width = 31, height = 23, distance = 3;
        var marked = Enumerable.Range(0, width * height).Select(_ => _random.Next(60) == 0 ? (byte)1 : (byte)0).ToArray();
        var expected = Enumerable.Range(0, marked.Length).Select(i =>
            marked.Index().Any(other => other.Item == 1 && Math.Abs((other.Index / width) - (i / width)) <= distance && Math.Abs((other.Index % width) - (i % width)) <= distance) ? (byte)1 : (byte)0).ToArray();
        Dilation.Grow(marked, width, distance);
        Assert.Equal(expected, marked);
    }

    [Theory, InlineData(0, 1), InlineData(5, 1), InlineData(0, 2), InlineData(3, 2)]
    public async Task A_mask_file_of_any_resolution_blanks_the_map_where_it_says_grown_on_request_and_nowhere_else(int dilation, int factor)
    {
        var (columns, rows) = (Width / factor, Height / factor);
        var mask = Enumerable.Range(0, columns * rows).Select(_ => _random.Next(80) == 0 ? (byte)9 : (byte)4).ToArray();
        var path = Path.Combine(_folder, "scl.tif");
        GeoTiffWriter.Write<byte>(path, TestScenes.Profile(columns, rows, 1, RasterType.Byte) with { Transform = new GeoTransform(300_000, 10 * factor, 0, 5_000_000, 0, -10 * factor) }, mask);
        var hidden = Enumerable.Range(0, Width * Height).Select(i => mask[(i / Width / factor * columns) + (i % Width / factor)] == 9 ? (byte)1 : (byte)0).ToArray();
        Dilation.Grow(hidden, Width, dilation);
        var (pixels, map, report) = await Map(new SceneOptions { Masks = [SceneMask.Parse($"value:{path}=9")], MaskDilation = dilation });
        Assert.Equal(pixels.Select((v, i) => hidden[i] == 1 ? float.NaN : v), map);
        Assert.Equal(hidden.Count(v => v == 1), report.Pixels.Masked);
        Assert.Equal(report.Pixels.Masked, report.Pixels.NoData);
    }

    [Theory, InlineData(MaskMode.Output, 9f), InlineData(MaskMode.Input, 0f)]
    public async Task The_model_sees_masked_pixels_unless_the_mode_is_input(MaskMode mode, float seen)
    {
        // The model gives every pixel the largest value of its tile.
        using var model = EoModel.Load(TestModels.Save(_folder, "largest", 1, Tile, (op, x) => op.Add(op.Mul(x, 0), op.ReduceMax(x, true, 2, 3)), TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        var pixels = new float[Tile * Tile];
        pixels[5] = 9;
        var scene = TestScenes.Write(_folder, "one", Tile, Tile, 1, pixels);
        using var dataset = RasterDataset.Open(scene);
        var output = Path.Combine(_folder, "seen.tif");
        await new ScenePipeline(model).RunAsync(dataset, output, new SceneOptions { Overlap = 0, Masks = [SceneMask.Parse($"range:{scene}>8")], MaskMode = mode });
        var map = TestScenes.Read<float>(output);
        Assert.Equal((float.NaN, seen), (map[5], map[6]));
    }

    [Fact]
    public async Task A_mask_that_is_neither_band_nor_file_is_refused_with_the_bands()
    {
        var message = (await Assert.ThrowsAsync<RasterException>(() => Map(new SceneOptions { Masks = [SceneMask.Parse("scl")] }))).Message;
        Assert.Contains("'SCL', which is neither a file nor a band", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mask_in_another_system_is_refused_with_the_command_that_helps()
    {
        var path = Path.Combine(_folder, "other.tif");
        GeoTiffWriter.Write<byte>(path, TestScenes.Profile(Width, Height, 1, RasterType.Byte) with { Projection = "EPSG:32632" }, new byte[Width * Height]);
        Assert.Contains("gdalwarp", (await Assert.ThrowsAsync<RasterException>(() => Map(new SceneOptions { Masks = [SceneMask.Parse($"value:{path}=1")] }))).Message, StringComparison.Ordinal);
    }

    private async Task<(float[] Scene, float[] Map, SceneReport Report)> Map(SceneOptions options)
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        var pixels = TestScenes.Pixels(Width, Height, 1, seed: 1, holes: 0);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, pixels));
        var output = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, output, options with { Overlap = 4, Blend = BlendMode.None, Overwrite = true });
        return (pixels, TestScenes.Read<float>(output), report);
    }
}
