using System.Globalization;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class SceneAreaTests : IDisposable
{
    private const int Width = 160, Height = 140, Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-area-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Only_pixels_whose_centre_lies_in_the_polygons_are_mapped_and_tiles_outside_are_not_run()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        var pixels = Enumerable.Range(0, Width * Height).Select(i => (float)i).ToArray();
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, pixels));
        // An L: columns 20 to 119 of rows 10 to 39, and columns 20 to 39 of rows 40 to 99.
        var path = Write("area.geojson", "EPSG:32633", [(20, 10), (120, 10), (120, 40), (40, 40), (40, 100), (20, 100)]);
        var output = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Area = path, Overlap = 4 });
        using var map = RasterDataset.Open(output);
        Assert.Equal((100, 90), (map.Size.Width, map.Size.Height));
        var values = TestScenes.Read<float>(output);
        for (var i = 0; i < values.Length; i++)
        {
            var (x, y) = (20 + (i % 100), 10 + (i / 100));
            var inside = x < 40 || y < 40;
            Assert.True(inside ? Math.Abs(values[i] - ((y * Width) + x)) < 0.01 : float.IsNaN(values[i]), $"({x}, {y}) is {values[i]}");
        }

        Assert.True(report.Plan.Skipped > 0);
        Assert.Equal((100 * 30) + (20 * 60), report.Pixels.Predicted);
    }

    [Fact]
    public async Task A_GeoPackage_in_degrees_maps_what_the_same_polygons_in_the_scenes_own_coordinates_map()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, seed: 1, holes: 0)));
        var metres = Write("metres.geojson", "EPSG:32633", [(20.3, 10.2), (120.4, 25.1), (60.2, 110.7)]);
        var degrees = Path.Combine(_folder, "degrees.gpkg");
        using (var process = System.Diagnostics.Process.Start("ogr2ogr", ["-t_srs", "EPSG:4326", degrees, metres]))
        {
            await process.WaitForExitAsync();
            Assert.Equal(0, process.ExitCode);
        }

        var maps = new List<float[]>();
        foreach (var area in new[] { metres, degrees })
        {
            var output = Path.Combine(_folder, "map.tif");
            await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Area = area, Overlap = 4, Overwrite = true });
            maps.Add(TestScenes.Read<float>(output));
        }

        Assert.Equal(maps[0], maps[1]);
        Assert.Contains(maps[0], float.IsNaN);
    }

    [Fact]
    public async Task Areas_without_polygons_beside_the_scene_or_of_lines_are_refused_by_name()
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, new float[Width * Height]));
        foreach (var (area, expected) in new[]
        {
            (Write("far.geojson", "EPSG:32633", [(9000, 0), (9010, 0), (9010, 10)]), "lies outside"),
            (Save("none.geojson", """{"type":"FeatureCollection","features":[]}"""), "has no polygon"),
            (Save("line.geojson", """{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[[15,45],[16,45]]}}"""), "points or lines"),
            (Save("text.geojson", "none"), "as polygons"),
        })
        {
            var failure = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, "map.tif"), new SceneOptions { Area = area }));
            Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        }
    }

    // Corners in pixels of the scene.
    private string Write(string name, string crs, (double X, double Y)[] corners)
    {
        var ring = string.Join(',', corners.Append(corners[0]).Select(corner => string.Create(CultureInfo.InvariantCulture, $"[{300_000 + (10 * corner.X)},{5_000_000 - (10 * corner.Y)}]")));
        return Save(name, "{\"type\":\"FeatureCollection\",\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"" + crs
            + "\"}},\"features\":[{\"type\":\"Feature\",\"properties\":{},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[" + ring + "]]}}]}");
    }

    private string Save(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
