using System.Diagnostics;
using System.Text.Json;

namespace EoOnnx.Raster.Tests.Output;

/// <summary>Maps as polygons, read back by OGR's own programs.</summary>
public sealed class PolygonMapTests : IDisposable
{
    private const byte Missing = 255;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-polygons-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(true, 1, 2), InlineData(false, 2, 2)]
    public void Pixels_that_touch_at_a_corner_are_one_polygon_when_diagonals_connect(bool diagonals, int ones, int zeros)
    {
        // The zeros are two regions either way: nothing joins the corners of the ones' diagonal.
        var features = Write(Map([1, 0, 0, 1], 2, 2), new PolygonOptions { ConnectDiagonals = diagonals });
        Assert.Equal(ones, features.Count(feature => Number(feature, "class") == 1));
        Assert.Equal(diagonals ? 1 : zeros, features.Count(feature => Number(feature, "class") == 0));
        Assert.Equal(4, features.Sum(feature => Number(feature, "pixels")));
        Assert.All(features, feature => Assert.Equal(100 * Number(feature, "pixels"), Number(feature, "area_m2"), 6));
    }

    [Theory, InlineData(1, true), InlineData(2, false), InlineData(3, true)]
    public void Polygons_cover_exactly_the_pixels_of_their_class_whatever_the_pattern(int seed, bool diagonals)
    {
        var random = new Random(seed);
        byte[] pixels = [.. Enumerable.Range(0, 61 * 47).Select(_ => random.Next(5) switch { 0 => Missing, var value => (byte)(value / 2) })];
        var features = Write(Map(pixels, 61, 47), new PolygonOptions { ConnectDiagonals = diagonals });
        foreach (var value in pixels.Distinct().Where(value => value != Missing))
        {
            Assert.Equal(pixels.Count(pixel => pixel == value), features.Where(feature => Number(feature, "class") == value).Sum(feature => Number(feature, "pixels")));
        }

        // Area of the outlines as OGR computes it, against the pixels that were counted for each.
        Assert.All(features, feature => Assert.Equal(100 * Number(feature, "pixels"), Area(feature.GetProperty("geometry")), 3));
    }

    [Fact]
    public void A_polygon_says_its_class_name_scene_area_and_mean_confidence()
    {
        byte[] pixels = [0, 1, 1, Missing, /* confidence */ 254, 127, 254, Missing];
        var map = Map(pixels, 2, 2, bands: 2);
        var features = Write(map, confidence: new MapConfidence(map, 2, 1.0 / 254));
        var fire = Assert.Single(features, feature => Number(feature, "class") == 1).GetProperty("properties");
        Assert.Equal(("fire <b>", "scene.tif"), (fire.GetProperty("name").GetString(), fire.GetProperty("scene").GetString()));
        Assert.Equal((127 + 254) / 2 / 254.0, fire.GetProperty("conf_mean").GetDouble(), 2);
        Assert.Equal(1, Number(Assert.Single(features, feature => Number(feature, "class") == 0), "conf_mean"), 6);
    }

    [Fact]
    public void Regions_below_the_smallest_area_go_to_their_neighbour_and_islands_are_left_out()
    {
        byte[] pixels =
        [
            0, 0, 0, 0, Missing, 1,
            0, 1, 0, 0, Missing, Missing,
            0, 0, 0, 0, Missing, Missing,
        ];
        var only = Assert.Single(Write(Map(pixels, 6, 3), new PolygonOptions { MinimumArea = 250 }));
        Assert.Equal((0, 12), (Number(only, "class"), Number(only, "pixels")));
    }

    [Fact]
    public void Only_the_wanted_classes_become_polygons()
    {
        byte[] pixels = [0, 1, 2, 1, 2, 2];
        Assert.Equal([1.0, 2.0], Write(Map(pixels, 3, 2), new PolygonOptions { Classes = [1, 2] }).Select(feature => (double)Number(feature, "class")).Distinct().Order());
        Assert.All(Write(Map(pixels, 3, 2), new PolygonOptions { Classes = [2] }), feature => Assert.Equal(2, Number(feature, "class")));
    }

    [Fact]
    public void Simplified_outlines_have_fewer_vertices_and_stay_valid()
    {
        byte[] pixels = [.. Enumerable.Range(0, 40 * 40).Select(i => (byte)(i / 40 >= i % 40 ? 1 : 0))];
        var map = Map(pixels, 40, 40);
        var (rough, smooth) = (Write(map).Sum(Vertices), Write(map, new PolygonOptions { Simplify = 12 }).Sum(Vertices));
        Assert.InRange(smooth, 6, rough / 4);
    }

    [Fact]
    public void Areas_of_a_map_in_degrees_are_those_on_the_ellipsoid()
    {
        var features = Write(Map([1, 0, 0, 0], 2, 2, transform: new GeoTransform(10, 1, 0, 60, 0, -1), projection: "EPSG:4326"));
        // One degree cell from 59° to 60° north. Source: Snyder, equation 3-12, WGS 84.
        Assert.Equal(GroundArea.Of(new GeoTransform(10, 1, 0, 60, 0, -1), SpatialReference.ToWkt("EPSG:4326")).PerPixel(0)!.Value, Number(Assert.Single(features, feature => Number(feature, "class") == 1), "area_m2"), 3);
        Assert.InRange(features.Sum(feature => Number(feature, "area_m2")), 4 * 6.2e9, 4 * 6.5e9);
    }

    [Fact]
    public void A_map_without_a_place_gives_polygons_in_pixels_without_areas()
    {
        var features = Write(Map([1, 0, 0, 0], 2, 2, transform: null, projection: ""), new PolygonOptions { ConnectDiagonals = false });
        Assert.Equal(4, features.Sum(feature => Number(feature, "pixels")));
        Assert.All(features, feature => Assert.Equal(JsonValueKind.Null, feature.GetProperty("properties").GetProperty("area_m2").ValueKind));
    }

    [Fact]
    public void Equal_maps_give_equal_bytes_and_a_cancelled_run_leaves_nothing()
    {
        var map = Map([.. Enumerable.Range(0, 300 * 300).Select(i => (byte)(i * 7919 % 3))], 300, 300);
        var (first, second) = (Path.Combine(_folder, "first.gpkg"), Path.Combine(_folder, "second.gpkg"));
        PolygonMap.Write(map, first, "scene");
        PolygonMap.Write(map, second, "scene");
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        File.Delete(second);
        Assert.ThrowsAny<OperationCanceledException>(() => PolygonMap.Write(map, second, "scene", cancellation: stopped.Token));
        Assert.Equal(["first.gpkg", "map.tif", "map.tif.aux.xml"], Directory.EnumerateFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void OgrInfo_finds_a_sound_GeoPackage_with_one_layer_and_the_coordinate_system_of_the_map()
    {
        PolygonMap.Write(Map([1, 0, 0, 1], 2, 2), Path.Combine(_folder, "map.gpkg"), "scene");
        var layer = Run("ogrinfo", "-so", Path.Combine(_folder, "map.gpkg"), "classes");
        Assert.All(["Geometry: Multi Polygon", "ID[\"EPSG\",32633]", "class: Integer", "name: String", "area_m2: Real", "pixels: Integer64", "conf_mean: Real", "scene: String"],
            text => Assert.Contains(text, layer, StringComparison.Ordinal));
        Assert.Contains("= ok", Run("ogrinfo", "-q", Path.Combine(_folder, "map.gpkg"), "-sql", "PRAGMA integrity_check"), StringComparison.Ordinal);
    }

    private string Map(byte[] pixels, int width, int height, int bands = 1)
        => Map(pixels, width, height, new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10), "EPSG:32633", bands);

    private string Map(byte[] pixels, int width, int height, GeoTransform? transform, string projection, int bands = 1)
    {
        var path = Path.Combine(_folder, "map.tif");
        GeoTiffWriter.Write<byte>(path, new RasterProfile
        {
            Size = new PixelSize(width, height), Type = RasterType.Byte, BandCount = bands, NoData = Missing, Projection = projection, Transform = transform,
            CategoryNames = ["land", "fire <b>", "water"], BandScaling = bands == 1 ? [] : [null, (1.0 / 254, 0)],
        }, pixels);
        return path;
    }

    private List<JsonElement> Write(string map, PolygonOptions? options = null, MapConfidence? confidence = null)
    {
        var (package, text) = (Path.Combine(_folder, "map.gpkg"), Path.Combine(_folder, "map.geojson"));
        File.Delete(text);
        var count = PolygonMap.Write(map, package, "scene.tif", options, confidence);
        Run("ogr2ogr", "-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=9", text, package);
        using var document = JsonDocument.Parse(File.ReadAllText(text));
        var features = document.RootElement.GetProperty("features").EnumerateArray().Select(feature => feature.Clone()).ToList();
        Assert.Equal(count, features.Count);
        Assert.Contains("valid (Integer) = 1", Run("ogrinfo", "-q", package, "-dialect", "SQLite", "-sql", "SELECT MIN(ST_IsValid(geom)) AS valid FROM classes"), StringComparison.Ordinal);
        return features;
    }

    private static double Number(JsonElement feature, string name) => feature.GetProperty("properties").GetProperty(name).GetDouble();

    private static int Vertices(JsonElement feature) => feature.GetProperty("geometry").GetProperty("coordinates").EnumerateArray().Sum(polygon => polygon.EnumerateArray().Sum(ring => ring.GetArrayLength()));

    // Shoelace formula; holes turn the other way round.
    private static double Area(JsonElement geometry) => geometry.GetProperty("coordinates").EnumerateArray().Sum(polygon =>
        polygon.EnumerateArray().Index().Sum(ring => (ring.Index == 0 ? 1 : -1) * Math.Abs(Ring([.. ring.Item.EnumerateArray().Select(point => (point[0].GetDouble() - 300_000, point[1].GetDouble() - 5_000_000))]))));

    private static double Ring(List<(double X, double Y)> points) => points.Zip(points.Skip(1)).Sum(edge => (edge.First.X * edge.Second.Y) - (edge.Second.X * edge.First.Y)) / 2;

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
