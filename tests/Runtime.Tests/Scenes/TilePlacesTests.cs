using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>A model that takes latitude and longitude gets those of each tile's own centre.</summary>
public sealed class TilePlacesTests : IDisposable
{
    private const int Tile = 16, Width = 90, Height = 52;
    private static readonly GeoTransform Grid = new(300_000, 1000, 0, 5_600_000, 0, -1000);
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-places-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(EdgeMode.Shift, 1, TestTimeAugmentation.None)]
    [InlineData(EdgeMode.Shift, 4, TestTimeAugmentation.None)]
    [InlineData(EdgeMode.Reflect, 3, TestTimeAugmentation.None)]
    [InlineData(EdgeMode.Shift, 4, TestTimeAugmentation.D4)]
    public async Task Every_tile_is_told_the_latitude_and_longitude_of_its_own_centre(EdgeMode edge, int batch, TestTimeAugmentation augmentation)
    {
        using var model = Model();
        var map = await MapAsync(model, new SceneOptions { Edge = edge, Batch = batch, Augmentation = augmentation, Blend = BlendMode.None, Overlap = TileOverlap.Parse("4") });
        var plan = TilePlan.Create(new PixelSize(Width, Height), new TilePlanOptions { Tile = Tile, Overlap = 4, Edge = edge });
        foreach (var tile in plan.Tiles())
        {
            var seen = tile.Read.Within(plan.Scene);
            var (longitude, latitude) = Assert.Single(SpatialReference.ToLongitudeLatitude(
                [(Grid.OriginX + ((seen.X + (seen.Width / 2.0)) * Grid.PixelWidth), Grid.OriginY + ((seen.Y + (seen.Height / 2.0)) * Grid.PixelHeight))], SpatialReference.ToWkt("EPSG:32633")));
            var pixel = (tile.Own.Y * Width) + tile.Own.X;
            Assert.Equal(latitude, map[pixel], 1e-5);
            Assert.Equal(longitude, map[(Width * Height) + pixel], 1e-5);
        }
    }

    [Fact]
    public async Task A_part_of_a_scene_has_the_places_of_the_part()
    {
        using var model = Model();
        var window = new PixelWindow(30, 20, Tile, Tile);
        var map = await MapAsync(model, new SceneOptions { Window = window, Overlap = TileOverlap.Parse("0") });
        var (longitude, latitude) = Assert.Single(SpatialReference.ToLongitudeLatitude([(Grid.OriginX + (38 * Grid.PixelWidth), Grid.OriginY + (28 * Grid.PixelHeight))], SpatialReference.ToWkt("EPSG:32633")));
        Assert.All(map[..(Tile * Tile)], value => Assert.Equal(latitude, value, 1e-5));
        Assert.All(map[(Tile * Tile)..], value => Assert.Equal(longitude, value, 1e-5));
        using var raster = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
        Assert.Equal("location_coords=tiles", raster.FindMetadata("EOONNX_COORDINATES"));
    }

    [Fact]
    public async Task Without_a_coordinate_reference_system_the_model_is_told_nothing()
    {
        using var model = Model();
        var map = await MapAsync(model, new SceneOptions { Overlap = TileOverlap.Parse("0") }, projection: "");
        Assert.All(map, value => Assert.Equal(-1, value));
    }

    private async Task<float[]> MapAsync(EoModel model, SceneOptions options, string projection = "EPSG:32633")
    {
        var path = Path.Combine(_folder, "scene.tif");
        GeoTiffWriter.Write<float>(path, new RasterProfile { Size = new PixelSize(Width, Height), Type = RasterType.Float32, Projection = projection, Transform = Grid }, new float[Width * Height]);
        using var scene = Scene.Open(model, new SceneRequest { Sources = [path] }, options);
        await new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, "map.tif"), cancellation: TestContext.Current.CancellationToken);
        return TestScenes.Read<float>(Path.Combine(_folder, "map.tif"));
    }

    // Gives back what it is told, -1 when that is nothing.
    private EoModel Model()
    {
        var op = new GraphBuilder("places");
        var image = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        var places = op.OverridableInput("location_coords", TensorData.FromValues<float>([1, 2], [-1, -1]), new TensorShape((Dim)"places", 2));
        op.Output(op.Add(op.Mul(image, 0), op.Reshape(places, -1, 2, 1, 1)), "logits");
        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = (TestModels.Manifest(ModelTask.Regression, 1, Tile) with { OptionalInputs = [new ManifestInput("location_coords", "")] }).ToJson();
        model.Save(Path.Combine(_folder, "places.onnx"));
        return EoModel.Load(Path.Combine(_folder, "places.onnx"));
    }
}
