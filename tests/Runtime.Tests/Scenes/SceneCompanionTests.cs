using System.Diagnostics;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>What is made beside a map: polygons, a STAC item, a picture, reports.</summary>
[Collection(OpenHandles.Name)]
public sealed class SceneCompanionTests : IDisposable
{
    private const string Hostile = "</title><script>document.title='owned'</script><img src=x onerror=alert(1)>";
    private const int Width = 90, Height = 70;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-beside-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_browser_shows_the_report_of_a_map_with_picture_areas_and_hostile_names_as_text()
    {
        var report = await RunAsync(new MapCompanions());
        var view = await Chromium.OpenAsync(ScenePipeline.PagePath(report.Map), "() => [document.title, document.scripts.length, document.images[0].naturalWidth, document.querySelectorAll('svg').length]");
        Assert.Empty(view.Errors);
        Assert.Equal($"[\"map.tif\",0,{Width},2]", view.Answer);
        Assert.InRange(view.ColorCount, 20, int.MaxValue);
        Assert.All([Hostile, "low", "predicted", "B01", "EOONNX_MODEL_SHA256", "memory for", "Seconds by stage"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Polygons_hold_the_pixels_and_areas_of_the_report_class_by_class()
    {
        var report = await RunAsync(new MapCompanions { Vector = MapCompanions.Beside });
        var package = Path.Combine(_folder, "map.gpkg");
        Assert.Contains(package, report.Files);
        foreach (var item in report.Classes)
        {
            var sums = Run("ogrinfo", "-q", package, "-sql", $"SELECT SUM(pixels) AS p, ROUND(SUM(area_m2)) AS a, COUNT(DISTINCT name) AS n, MIN(conf_mean) >= 0.5 AND MAX(conf_mean) <= 1 AS sure FROM classes WHERE class = {item.Id}");
            Assert.Contains($"p (Integer) = {item.Pixels}", sums, StringComparison.Ordinal);
            Assert.Contains(FormattableString.Invariant($"a (Real) = {item.SquareKilometres!.Value * 1e6:F0}"), sums, StringComparison.Ordinal);
            Assert.Contains("sure (Integer) = 1", sums, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_stac_item_has_the_grid_time_classes_and_checksum_of_the_map_and_relative_names()
    {
        var report = await RunAsync(new MapCompanions { Vector = MapCompanions.Beside, QuickLook = MapCompanions.Beside, Stac = Path.Combine(_folder, "items", "item one.json") }, taken: true);
        using var item = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "items", "item one.json")));
        var (root, properties, assets) = (item.RootElement, item.RootElement.GetProperty("properties"), item.RootElement.GetProperty("assets"));
        Assert.Equal(("Feature", "1.1.0", "map"), (root.GetProperty("type").GetString(), root.GetProperty("stac_version").GetString(), root.GetProperty("id").GetString()));
        Assert.Equal(("2024-07-01T10:20:30.000Z", "EPSG:32633"), (properties.GetProperty("datetime").GetString(), properties.GetProperty("proj:code").GetString()));
        Assert.Equal([Height, Width], properties.GetProperty("proj:shape").EnumerateArray().Select(extent => extent.GetInt32()));
        Assert.Equal([10, 0, 300_000, 0, -10, 5_000_000, 0, 0, 1], properties.GetProperty("proj:transform").EnumerateArray().Select(number => number.GetDouble()));
        var ring = root.GetProperty("geometry").GetProperty("coordinates")[0].EnumerateArray().Select(point => (Longitude: point[0].GetDouble(), Latitude: point[1].GetDouble())).ToList();
        Assert.Equal(ring[0], ring[^1]);
        var box = root.GetProperty("bbox").EnumerateArray().Select(number => number.GetDouble()).ToList();
        Assert.All(ring, point => Assert.True(point.Longitude >= box[0] && point.Latitude >= box[1] && point.Longitude <= box[2] && point.Latitude <= box[3]));
        // gdaltransform -s_srs EPSG:32633 -t_srs EPSG:4326 of the upper left corner
        Assert.Contains(ring, point => Math.Abs(point.Longitude - 12.456876510217) < 1e-8 && Math.Abs(point.Latitude - 45.1251538476342) < 1e-8);
        Assert.True(ring.Zip(ring.Skip(1)).Sum(edge => (edge.First.Longitude * edge.Second.Latitude) - (edge.Second.Longitude * edge.First.Latitude)) > 0, "counter-clockwise");
        var map = assets.GetProperty("map");
        Assert.Equal("1220" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(report.Map))), map.GetProperty("file:checksum").GetString());
        Assert.Equal([3, 7], map.GetProperty("bands")[0].GetProperty("classification:classes").EnumerateArray().Select(value => value.GetProperty("value").GetInt32()));
        Assert.All(map.GetProperty("bands")[0].GetProperty("classification:classes").EnumerateArray(), value => Assert.Matches("^[0-9A-Za-z_-]+$", value.GetProperty("name").GetString()));
        foreach (var asset in assets.EnumerateObject())
        {
            Assert.True(File.Exists(Path.Combine(_folder, "items", Uri.UnescapeDataString(asset.Value.GetProperty("href").GetString()!))), asset.Name);
        }

        Assert.Equal("../scene.tif", root.GetProperty("links")[0].GetProperty("href").GetString());
    }

    [Theory, InlineData(ConfidenceBand.None, 1), InlineData(ConfidenceBand.Entropy, 2)]
    public async Task Polygons_tell_the_mean_confidence_also_where_the_map_does_not(ConfidenceBand confidence, int bands)
    {
        await RunAsync(new MapCompanions { Vector = Path.Combine(_folder, "with.gpkg") });
        var expected = Confidences("with.gpkg");
        File.Move(Path.Combine(_folder, "map.tif"), Path.Combine(_folder, "with.tif"));
        await RunAsync(new MapCompanions { Vector = MapCompanions.Beside }, confidence: confidence);
        Assert.Equal(expected, Confidences("map.gpkg"));
        using var map = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
        Assert.Equal(bands, map.Bands.Count);
        Assert.Equal(TestScenes.Read<byte>(Path.Combine(_folder, "with.tif"))[..(Width * Height)], TestScenes.Read<byte>(map.Path)[..(Width * Height)]);

        string Confidences(string package) => Run("ogrinfo", "-q", Path.Combine(_folder, package), "-sql", "SELECT COUNT(*) AS n, COUNT(conf_mean) AS c, SUM(conf_mean) AS s, MIN(conf_mean) AS low FROM classes");
    }

    [Fact]
    public async Task A_map_says_when_it_was_made_only_when_it_is_told_to_and_is_the_same_job_then()
    {
        using var model = TestScenes.Identity(_folder, 1, 16);
        using var scene = RasterDataset.Open(Scene(false));
        var (pipeline, map) = (new ScenePipeline(model), Path.Combine(_folder, "stamped.tif"));
        await pipeline.RunAsync(scene, map, new SceneOptions { Stamp = true });
        using (var stamped = RasterDataset.Open(map))
        {
            Assert.True(SceneDates.TryParse(stamped.FindMetadata("TIFFTAG_DATETIME")!, out var time) && (DateTimeOffset.UtcNow - time).Duration() < TimeSpan.FromMinutes(10));
        }

        Assert.NotNull(await pipeline.FindFinishedAsync(scene, map));
        await pipeline.RunAsync(scene, map, new SceneOptions { Overwrite = true });
        using var plain = RasterDataset.Open(map);
        Assert.Null(plain.FindMetadata("TIFFTAG_DATETIME"));
    }

    [Fact]
    public async Task A_map_may_be_polygons_alone()
    {
        await RunAsync(new MapCompanions { Vector = MapCompanions.Beside });
        var beside = Polygons("map.gpkg");
        var report = await RunAsync(new MapCompanions { Stac = MapCompanions.Beside }, map: "alone.gpkg");
        Assert.Equal(beside, Polygons("alone.gpkg"));
        Assert.Equal(["alone.gpkg", "alone.report.html", "alone.report.json", "alone.stac.json"], Directory.GetFileSystemEntries(_folder, "alone*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(Path.Combine(_folder, "alone.gpkg"), report.Map);
        using var item = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "alone.stac.json")));
        var map = item.RootElement.GetProperty("assets").GetProperty("map");
        Assert.Equal(("./alone.gpkg", "application/geopackage+sqlite3"), (map.GetProperty("href").GetString(), map.GetProperty("type").GetString()));
        Assert.Equal("1220" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(report.Map))), map.GetProperty("file:checksum").GetString());
        Assert.Contains("--overwrite", (await Assert.ThrowsAsync<RasterException>(() => RunAsync(new MapCompanions(), map: "alone.gpkg"))).Message, StringComparison.Ordinal);

        string Polygons(string package) => Run("ogrinfo", "-q", Path.Combine(_folder, package), "-sql", "SELECT COUNT(*) AS n, SUM(pixels) AS p, SUM(area_m2) AS a, SUM(conf_mean) AS c FROM classes");
    }

    [Fact]
    public async Task The_footprint_of_an_item_is_where_the_map_has_values_with_its_holes()
    {
        // Values in the right half and in the upper left corner, a hole in the right half.
        const int width = 80, height = 60;
        var pixels = Enumerable.Range(0, width * height).Select(i => (X: i % width, Y: i / width) switch
        {
            var (x, y) when x >= 60 && x < 72 && y >= 20 && y < 40 => TestScenes.Missing,
            var (x, y) when x >= 40 || (x < 16 && y < 8) => 1f,
            _ => TestScenes.Missing,
        }).ToArray();
        GeoTiffWriter.Write<float>(Path.Combine(_folder, "scene.tif"), TestScenes.Profile(width, height) with { NoData = TestScenes.Missing }, pixels);
        await RunAsync(new MapCompanions { Stac = MapCompanions.Beside });
        using var item = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "map.stac.json")));
        var geometry = item.RootElement.GetProperty("geometry");
        Assert.Equal("MultiPolygon", geometry.GetProperty("type").GetString());
        var areas = geometry.GetProperty("coordinates").EnumerateArray().Select(polygon => polygon.EnumerateArray().Select(ring => SignedPixels(ring)).ToList()).OrderBy(rings => rings[0]).ToList();
        Assert.Equal([1, 2], areas.Select(rings => rings.Count));
        Assert.Equal(16 * 8, areas[0][0], 1.0);
        Assert.Equal(40 * 60, areas[1][0], 5.0);
        Assert.Equal(-12 * 20, areas[1][1], 1.0);

        // Shoelace formula, in pixels of 10 m: a degree of latitude is 111.13 km here, of longitude that times the cosine.
        static double SignedPixels(JsonElement ring)
        {
            var points = ring.EnumerateArray().Select(point => (X: (point[0].GetDouble() - 12.46) * 111_132 * Math.Cos(45.12 * Math.PI / 180) * 1.0026, Y: (point[1].GetDouble() - 45.12) * 111_132)).ToList();
            return points.Zip(points.Skip(1)).Sum(edge => (edge.First.X * edge.Second.Y) - (edge.Second.X * edge.First.Y)) / 200;
        }
    }

    [Fact]
    public async Task The_style_for_QGIS_has_the_classes_of_the_map_and_no_more_with_hostile_names_as_text()
    {
        var report = await RunAsync(new MapCompanions { Style = MapCompanions.Beside });
        var style = new System.Xml.XmlDocument { XmlResolver = null };
        style.LoadXml(File.ReadAllText(Path.Combine(_folder, "map.qml")));
        var entries = style.SelectNodes("/qgis/pipe/rasterrenderer[@type='paletted']/colorPalette/paletteEntry")!.Cast<System.Xml.XmlElement>().ToList();
        Assert.Equal(report.Classes.Select(item => ($"{item.Id}", item.Name)), entries.Select(entry => (entry.GetAttribute("value"), entry.GetAttribute("label"))));
        using var map = RasterDataset.Open(report.Map);
        Assert.All(entries, entry =>
        {
            var color = map.Bands[0].Colors[int.Parse(entry.GetAttribute("value"), System.Globalization.CultureInfo.InvariantCulture)];
            Assert.Equal(FormattableString.Invariant($"#{color.Red:x2}{color.Green:x2}{color.Blue:x2}"), entry.GetAttribute("color"));
        });
    }

    [Fact]
    public async Task A_scene_without_a_time_gives_a_stac_item_with_a_range()
    {
        await RunAsync(new MapCompanions { Stac = MapCompanions.Beside });
        using var item = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "map.stac.json")));
        var properties = item.RootElement.GetProperty("properties");
        Assert.Equal(JsonValueKind.Null, properties.GetProperty("datetime").ValueKind);
        Assert.True(properties.GetProperty("start_datetime").GetDateTimeOffset() < properties.GetProperty("end_datetime").GetDateTimeOffset());
    }

    [Fact]
    public async Task The_map_has_an_attribute_table_with_names_colours_and_counts()
    {
        var report = await RunAsync(new MapCompanions());
        using var info = JsonDocument.Parse(Run("gdalinfo", "-json", report.Map));
        var table = info.RootElement.GetProperty("rat");
        var rows = table.GetProperty("row").EnumerateArray().Select(row => row.GetProperty("f").EnumerateArray().ToList()).ToList();
        Assert.Equal(report.Classes.Select(item => (item.Id, (string?)item.Name, item.Pixels)), rows.Select(row => (row[0].GetInt32(), row[1].GetString(), (long)row[5].GetDouble())));
        Assert.Equal([0x10, 0x20, 0x30], rows[0][2..5].Select(value => value.GetInt32()));
    }

    [Fact]
    public async Task When_a_file_beside_the_map_cannot_be_made_there_is_no_map_and_the_next_run_continues()
    {
        var blocked = Path.Combine(_folder, "absent", "map.gpkg");
        await Assert.ThrowsAnyAsync<EoOnnxException>(() => RunAsync(new MapCompanions { Vector = blocked }, makeFolders: false));
        Assert.False(File.Exists(Path.Combine(_folder, "map.tif")));
        Assert.True(Directory.Exists(Path.Combine(_folder, "map.tif.eoonnx")));
        var report = await RunAsync(new MapCompanions { Vector = MapCompanions.Beside });
        Assert.Equal(Height, report.Plan.ResumedRows);
    }

    [Fact]
    public async Task Polygons_of_values_and_two_files_of_one_name_are_refused()
    {
        using var model = TestScenes.Identity(_folder, 1, 16);
        using var scene = RasterDataset.Open(Scene(false));
        var pipeline = new ScenePipeline(model);
        var map = Path.Combine(_folder, "values.tif");
        Assert.Contains("--vector", (await Assert.ThrowsAsync<ArgumentException>(() => pipeline.RunAsync(scene, map, new SceneOptions { Companions = new MapCompanions { Vector = "" } }))).Message, StringComparison.Ordinal);
        Assert.Contains("same name", (await Assert.ThrowsAsync<ArgumentException>(() => pipeline.RunAsync(scene, map, new SceneOptions { Companions = new MapCompanions { Stac = map } }))).Message, StringComparison.Ordinal);
        Assert.Contains("--out-type class", (await Assert.ThrowsAsync<ArgumentException>(() => pipeline.RunAsync(scene, Path.Combine(_folder, "map.gpkg")))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PolygonOptions { MinimumArea = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PolygonOptions { Simplify = double.NaN });
    }

    private async Task<SceneReport> RunAsync(MapCompanions companions, bool taken = false, bool makeFolders = true, ConfidenceBand confidence = ConfidenceBand.Maximum, string map = "map.tif", PixelWindow? window = null)
    {
        if (makeFolders)
        {
            Array.ForEach([.. companions.Files], file => Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(Path.Combine(_folder, file)))!));
        }

        var manifest = TestModels.Manifest(ModelTask.Segmentation, 1, 16) with { Classes = [new ManifestClass(3, "low", "#102030"), new ManifestClass(7, Hostile)] };
        using var model = EoModel.Load(TestModels.Save(_folder, "threshold", 1, 16, (op, x) => op.Concat(1, op.Mul(x, 0), x), manifest));
        using var scene = RasterDataset.Open(Scene(taken));
        return await new ScenePipeline(model).RunAsync(scene, Path.Combine(_folder, map), new SceneOptions { Overlap = 4, Confidence = confidence, Window = window, Companions = companions });
    }

    private string Scene(bool taken)
    {
        var path = Path.Combine(_folder, "scene.tif");
        if (!File.Exists(path))
        {
            GeoTiffWriter.Write<float>(path, TestScenes.Profile(Width, Height) with { NoData = TestScenes.Missing, Metadata = taken ? new Dictionary<string, string> { ["PRODUCT_START_TIME"] = "2024-07-01T10:20:30Z" } : [] },
                TestScenes.Pixels(Width, Height, 1, seed: 5, holes: 0.1));
        }

        return path;
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
