using System.Text;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes.Batch;

public sealed class SceneListTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-list-").FullName;

    public SceneListTests()
    {
        foreach (var file in (string[])["b.tif", "a.TIF", "note.txt", "deep/c.tif", "deep/er/d.jp2", "maps/a.tif", "e.tif.eoonnx/rows.tif"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, file))!);
            File.WriteAllText(Path.Combine(_folder, file), "");
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_folder_gives_its_rasters_sorted_by_name() => Assert.Equal(["a.TIF", "b.tif"], await Names([_folder]));

    [Fact]
    public async Task Folders_below_are_searched_on_request_without_maps_and_work_areas() =>
        Assert.Equal(["a.TIF", "b.tif", "deep/c.tif", "deep/er/d.jp2"], await Names([_folder], new SceneListOptions { Recursive = true, Excluded = Path.Combine(_folder, "maps") }));

    [Theory]
    [InlineData("deep/*.tif", "c.tif")]
    [InlineData("**/*.jp2", "deep/er/d.jp2")]
    [InlineData("de*/c.tif", "deep/c.tif")]
    public async Task A_pattern_gives_what_it_matches(string pattern, params string[] expected) => Assert.Equal(expected, await Names([Path.Combine(_folder, pattern)]));

    [Fact]
    public async Task A_list_file_names_scenes_relative_to_itself()
    {
        File.WriteAllText(Path.Combine(_folder, "list.txt"), "# scenes\nb.tif\n\n  deep/c.tif  \nhttps://example.org/x.tif?key=1\n");
        var scenes = await SceneList.ReadFileAsync(Path.Combine(_folder, "list.txt"));
        Assert.Equal(["b.tif", "deep/c.tif", "x.tif"], scenes.Select(scene => scene.Name));
        Assert.Equal(Path.Combine(_folder, "deep", "c.tif"), scenes[1].Path);
    }

    [Fact]
    public async Task A_list_with_a_scene_that_does_not_exist_is_refused_by_name()
    {
        File.WriteAllText(Path.Combine(_folder, "list.txt"), "absent.tif\n");
        Assert.Contains("absent.tif", (await Assert.ThrowsAsync<BatchException>(() => SceneList.ReadFileAsync(Path.Combine(_folder, "list.txt")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_STAC_collection_gives_the_items_that_it_links()
    {
        Write("collection.json", """{"type":"Collection","id":"c","links":[{"rel":"item","href":"./items/one.json"},{"rel":"item","href":"items/two.json"},{"rel":"root","href":"x"}]}""");
        Write("items/one.json", """{"type":"Feature","id":"S2 one","assets":{"data":{"href":"../deep/c.tif","roles":["data"],"type":"image/tiff; application=geotiff"},"thumbnail":{"href":"t.png","type":"image/png"}}}""");
        Write("items/two.json", """{"type":"Feature","id":"S2 two","assets":{"B02":{"href":"b02.tif","roles":["data"],"type":"image/tiff"},"B03":{"href":"b03.tif","roles":["data"],"type":"image/tiff"}}}""");
        var scenes = await SceneList.ReadAsync([Path.Combine(_folder, "collection.json")]);
        Assert.Equal([("S2 one", Path.Combine(_folder, "items", "one.json")), ("S2 two", Path.Combine(_folder, "items", "two.json"))], scenes.Select(scene => (scene.Name, scene.Path)));
    }

    [Fact]
    public async Task An_item_collection_from_a_server_is_followed_to_its_last_page()
    {
        using var server = new LoopbackServer(request => new LoopbackAnswer("200 OK", Encoding.UTF8.GetBytes(request.Path.Contains("page=2", StringComparison.Ordinal)
            ? """{"type":"FeatureCollection","features":[{"type":"Feature","id":"two","assets":{"visual":{"href":"/two.tif"}}}],"links":[]}"""
            : """{"type":"FeatureCollection","features":[{"type":"Feature","id":"one","assets":{"visual":{"href":"one.tif"}}}],"links":[{"rel":"next","href":"?page=2"}]}""")));
        var scenes = await SceneList.ReadAsync([new Uri(server.Address, "search").ToString()]);
        Assert.Equal([("one", new Uri(server.Address, "search#one").ToString()), ("two", new Uri(server.Address, "search?page=2#two").ToString())], scenes.Select(scene => (scene.Name, scene.Path)));
    }

    [Fact]
    public async Task Pages_that_are_asked_for_by_POST_are_followed_with_the_body_of_the_link_over_that_of_the_page_before()
    {
        var (first, second, third) = (
            """{"type":"FeatureCollection","features":[{"type":"Feature","id":"one","links":[{"rel":"self","href":"items/one"}]}],"links":[{"rel":"next","href":"search","method":"POST","body":{"limit":1,"token":"b"}}]}""",
            """{"type":"FeatureCollection","features":[{"type":"Feature","id":"two","links":[{"rel":"self","href":"items/two"}]}],"links":[{"rel":"next","href":"search","method":"POST","merge":true,"body":{"token":"c"}}]}""",
            """{"type":"FeatureCollection","features":[{"type":"Feature","id":"three","links":[{"rel":"self","href":"items/three"}]}],"links":[]}""");
        using var server = new LoopbackServer(request => new LoopbackAnswer("200 OK", Encoding.UTF8.GetBytes(request.Method == "GET" ? first : request.Body.Contains("\"c\"", StringComparison.Ordinal) ? third : second)));
        var scenes = await SceneList.ReadAsync([new Uri(server.Address, "search").ToString()]);
        Assert.Equal([("one", $"{server.Address}items/one"), ("three", $"{server.Address}items/three"), ("two", $"{server.Address}items/two")], scenes.Select(scene => (scene.Name, scene.Path)));
        Assert.Equal([("GET", ""), ("POST", """{"limit":1,"token":"b"}"""), ("POST", """{"limit":1,"token":"c"}""")], server.Requests.Select(request => (request.Method, request.Body)));
    }

    [Fact]
    public async Task A_document_from_the_network_cannot_name_local_files()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", Encoding.UTF8.GetBytes("""{"type":"Collection","links":[{"rel":"item","href":"file:///etc/secret.json"}]}""")));
        Assert.Contains("/etc/secret.json", (await Assert.ThrowsAsync<BatchException>(() => SceneList.ReadAsync([new Uri(server.Address, "item").ToString()]))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "no STAC document")]
    [InlineData("""{"type":"Topology"}""", "its type is none of")]
    [InlineData("""{"type":"Feature","assets":{}}""", "has no id")]
    [InlineData("""{"type":"FeatureCollection","features":[],"links":[{"rel":"next","href":"x","method":"POST"}]}""", "POST")]
    public async Task A_document_that_lists_no_scenes_is_refused(string json, string expected)
    {
        Write("damaged.json", json);
        Assert.Contains(expected, (await Assert.ThrowsAsync<BatchException>(() => SceneList.ReadAsync([Path.Combine(_folder, "damaged.json")]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Products_in_a_folder_are_scenes_and_what_is_in_them_is_not()
    {
        foreach (var file in (string[])["S2A_MSIL2A_X.SAFE/MTD_MSIL2A.xml", "S2A_MSIL2A_X.SAFE/GRANULE/B02.jp2", "S2B_MSIL2A_Y.zip", "LC08_Z/LC08_Z_MTL.json", "LC08_Z/LC08_Z_SR_B4.TIF", "far/HLS.S30.A/HLS.S30.A.B04.tif", "archive.zip"])
        {
            Write(file, "");
        }

        var recursive = new SceneListOptions { Recursive = true, Excluded = Path.Combine(_folder, "maps") };
        Assert.Equal(["LC08_Z", "S2A_MSIL2A_X.SAFE", "S2B_MSIL2A_Y.zip", "a.TIF", "b.tif"], await Names([_folder]));
        Assert.Equal(["LC08_Z", "S2A_MSIL2A_X.SAFE", "S2B_MSIL2A_Y.zip", "a.TIF", "b.tif", "deep/c.tif", "deep/er/d.jp2", "far/HLS.S30.A"], await Names([_folder], recursive));
        Assert.Equal(["S2A_MSIL2A_X.SAFE"], await Names([Path.Combine(_folder, "*.SAFE")]));
        Assert.Equal(["LC08_Z"], await Names([Path.Combine(_folder, "LC08_Z")]));
        Assert.Equal(["S2A_MSIL2A_X.SAFE"], await Names([Path.Combine(_folder, "S2A_MSIL2A_X.SAFE", "MTD_MSIL2A.xml")]));
        Assert.Equal(["LC08_Z_MTL.json"], await Names([Path.Combine(_folder, "LC08_Z", "LC08_Z_MTL.json")]));
        Assert.Equal(["deep", "far"], await Names([Path.Combine(_folder, "de*/"), Path.Combine(_folder, "f*/")]));
        Assert.Equal(["far/HLS.S30.A"], await Names([Path.Combine(_folder, "**/HLS*")]));
    }

    [Fact]
    public async Task A_table_names_all_sources_of_a_scene_its_dates_and_its_grid()
    {
        Write("list.csv", """
            name,sources,dates,grid,resolution,modality:DEM,modality:S2L2A
            series,b.tif; deep/c.tif,2024-05-01;2024-06-01,,,,
            ,https://example.org/x.tif?sig=1,,utm,20,,
            both,,,,,dem.tif,"b, c.tif"
            """);
        var scenes = await SceneList.ReadFileAsync(Path.Combine(_folder, "list.csv"), new SceneListOptions { Request = new SceneRequest { Grid = "EPSG:32633", SentinelOffset = SentinelOffset.No } });
        Assert.Equal(["series", "x.tif", "both"], scenes.Select(scene => scene.Name));
        Assert.Equal([Path.Combine(_folder, "b.tif"), Path.Combine(_folder, "deep", "c.tif")], scenes[0].Request.Sources);
        Assert.Equal([(2024, 5), (2024, 6)], scenes[0].Request.Dates.Select(date => (date.Year, date.Month)));
        Assert.Equal(["EPSG:32633", "utm", "EPSG:32633"], scenes.Select(scene => scene.Request.Grid));
        Assert.Equal([null, 20.0, null], scenes.Select(scene => scene.Request.Resolution));
        Assert.All(scenes, scene => Assert.Equal(SentinelOffset.No, scene.Request.SentinelOffset));
        Assert.Equal(Path.Combine(_folder, "b, c.tif"), scenes[2].Request.Modalities["S2L2A"]);
        Assert.Empty(scenes[2].Request.Sources);
    }

    [Fact]
    public async Task A_table_says_bands_scaling_masks_missing_values_and_area_of_each_scene_in_place_of_those_of_all()
    {
        Write("list.csv", """
            sources,bands,scale,offset,mask,nodata,aoi
            a.TIF,B02;swir=3,0.0001,-0.1;1e-2,"scl:0,1;value:b.tif=1",-1,deep/area.gpkg
            b.tif,,,,,,
            """);
        var common = new SceneOptions { Bands = ["1"], Scale = [2], Offset = [3], Masks = [SceneMask.Parse("scl")], Area = "all.gpkg", Tile = 64 };
        var scenes = new MapNaming { Folder = Path.Combine(_folder, "out") }.Apply(await SceneList.ReadFileAsync(Path.Combine(_folder, "list.csv")));
        var own = scenes[0].Details.Over(common);
        Assert.Equal(["B02", "swir=3"], own.Bands);
        Assert.Equal([0.0001], own.Scale);
        Assert.Equal([-0.1, 0.01], own.Offset);
        Assert.Equal(["scl:0,1", $"value:{Path.Combine(_folder, "b.tif")}=1"], own.Masks.Select(mask => mask.Text));
        Assert.Equal((-1.0, Path.Combine(_folder, "deep", "area.gpkg"), 64), (own.Validity.Override, own.Area, own.Tile));
        Assert.Equivalent(common, scenes[1].Details.Over(common), strict: true);
    }

    [Theory]
    [InlineData("sources,colour\nb.tif,red", "a column 'colour'")]
    [InlineData("sources,dates\nb.tif,yesterday", "line 2, column dates: 'yesterday' is no date")]
    [InlineData("sources,modality:DEM\nb.tif,dem.tif", "found both")]
    [InlineData("sources,name\n,lost", "found neither")]
    [InlineData("sources,resolution\nb.tif,-1", "must be a positive number")]
    [InlineData("sources,grid\nb.tif,file:///etc/passwd", "no coordinate reference system")]
    [InlineData("sources,offset\nb.tif,1;much", "line 2, column offset: 'much' is no number")]
    [InlineData("sources,mask\nb.tif,\na.TIF,clouds", "line 3, column mask: 'clouds' is no mask")]
    [InlineData("sources,nodata\nb.tif,empty", "line 2, column nodata: 'empty' is no nodata value")]
    public async Task A_table_that_cannot_be_read_is_refused_with_line_and_reason(string text, string expected)
    {
        Write("list.csv", text);
        Assert.Contains(expected, (await Assert.ThrowsAsync<BatchException>(() => SceneList.ReadFileAsync(Path.Combine(_folder, "list.csv")))).Message, StringComparison.Ordinal);
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, file))!);
        File.WriteAllText(Path.Combine(_folder, file), text);
    }

    private static async Task<IEnumerable<string>> Names(string[] inputs, SceneListOptions? options = null) => (await SceneList.ReadAsync(inputs, options)).Select(scene => scene.Name);
}
