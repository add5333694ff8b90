using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class SceneWindowTests : IDisposable
{
    private const int Tile = 16, Width = 300, Height = 280;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-window-").FullName;
    private readonly float[] _pixels = TestScenes.Pixels(Width, Height, 1, seed: 6, holes: 0.1);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(0, 0, 300, 280), InlineData(37, 41, 100, 90), InlineData(250, 200, 50, 80), InlineData(299, 279, 1, 1), InlineData(0, 255, 300, 5), InlineData(120, 130, 900, 900)]
    public async Task A_window_of_the_scene_gives_that_part_in_its_place(int x, int y, int width, int height)
    {
        var window = new PixelWindow(x, y, width, height);
        var inside = window.Within(new PixelSize(Width, Height));
        using var map = await Map(new SceneOptions { Window = window });
        Assert.Equal(new PixelSize(inside.Width, inside.Height), map.Size);
        Assert.Equal(new GeoTransform(300_000 + (10 * x), 10, 0, 5_000_000 - (10 * y), 0, -10), map.Transform);
        Assert.Equal(Expected(inside), TestScenes.Read<float>(map.Path));
    }

    [Fact]
    public async Task Bounds_take_every_pixel_they_touch_in_the_systems_of_the_scene_and_of_the_bounds()
    {
        var bounds = new MapBounds(300_105, 4_999_000, 300_500, 4_999_895);
        using (var map = await Map(new SceneOptions { Bounds = bounds }))
        {
            Assert.Equal(new PixelSize(40, 90), map.Size);
            Assert.Equal((300_100, 4_999_900), (map.Transform!.Value.OriginX, map.Transform.Value.OriginY));
        }

        var degrees = SpatialReference.Transform(bounds, "EPSG:32633", SpatialReference.ToWkt("EPSG:4326"));
        Assert.InRange(degrees.West, 12, 13);
        using var same = await Map(new SceneOptions { Bounds = degrees, BoundsProjection = "EPSG:4326" });
        // North of the grid is not north of the globe: the rectangle around the rectangle is a little larger.
        Assert.InRange(same.Size.Width, 40, 48);
        Assert.InRange(same.Size.Height, 90, 96);
        Assert.True(same.Transform!.Value.OriginX <= bounds.West && same.Transform.Value.OriginY >= bounds.North);
    }

    [Fact]
    public async Task A_part_outside_the_scene_is_refused() =>
        Assert.Contains("lies outside", (await Assert.ThrowsAsync<RasterException>(() => Map(new SceneOptions { Window = new PixelWindow(300, 0, 5, 5) }))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Two_ways_to_name_a_part_are_refused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => Map(new SceneOptions { Window = new PixelWindow(0, 0, 5, 5), Bounds = new MapBounds(0, 0, 1, 1) }));

    [Theory, InlineData(TestTimeAugmentation.Flips), InlineData(TestTimeAugmentation.D4)]
    public async Task Averaging_over_symmetries_turns_every_tile_back_to_where_it_was(TestTimeAugmentation augmentation)
    {
        using var map = await Map(new SceneOptions { Augmentation = augmentation, Batch = 3 });
        var expected = Expected(new PixelWindow(0, 0, Width, Height));
        Assert.All(TestScenes.Read<float>(map.Path).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, (a, b) => (float.IsNaN(a) && float.IsNaN(b)) || Math.Abs(a - b) < 1e-4));
    }

    [Fact]
    public async Task A_model_that_sees_directions_is_averaged_over_them()
    {
        // The model adds the row of the tile; over all symmetries of a square that is the same number everywhere.
        var rows = Enumerable.Range(0, Tile * Tile).Select(i => (float)(i / Tile)).ToArray();
        using var model = EoModel.Load(TestModels.Save(_folder, "rows", 1, Tile, (op, x) => op.Add(op.Mul(x, 0), op.Initializer("rows", TensorData.FromValues<float>([1, 1, Tile, Tile], rows))),
            TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "flat", 40, 40, 1, new float[1600]));
        var output = Path.Combine(_folder, "rows.tif");
        await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Augmentation = TestTimeAugmentation.Flips, Overlap = 4 });
        Assert.All(TestScenes.Read<float>(output), value => Assert.Equal((Tile - 1) / 2f, value, 1e-4f));
    }

    private float[] Expected(PixelWindow window) => [.. Enumerable.Range(0, (int)window.Area)
        .Select(i => _pixels[((window.Y + (i / window.Width)) * Width) + window.X + (i % window.Width)]).Select(v => v == TestScenes.Missing ? float.NaN : v)];

    private async Task<RasterDataset> Map(SceneOptions options)
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, _pixels));
        var output = Path.Combine(_folder, "map.tif");
        await new ScenePipeline(model).RunAsync(scene, output, options with { Blend = BlendMode.None, Overlap = 4, Overwrite = true });
        return RasterDataset.Open(output);
    }
}
