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
        Assert.Equal([new SceneEntry("S2 one", Path.Combine(_folder, "deep", "c.tif")), new SceneEntry("S2 two", Path.Combine(_folder, "items", "two.json"))], scenes);
    }

    [Fact]
    public async Task An_item_collection_from_a_server_is_followed_to_its_last_page()
    {
        using var server = new LoopbackServer(request => new LoopbackAnswer("200 OK", Encoding.UTF8.GetBytes(request.Path.Contains("page=2", StringComparison.Ordinal)
            ? """{"type":"FeatureCollection","features":[{"type":"Feature","id":"two","assets":{"visual":{"href":"/two.tif"}}}],"links":[]}"""
            : """{"type":"FeatureCollection","features":[{"type":"Feature","id":"one","assets":{"visual":{"href":"one.tif"}}}],"links":[{"rel":"next","href":"?page=2"}]}""")));
        var scenes = await SceneList.ReadAsync([new Uri(server.Address, "search").ToString()]);
        Assert.Equal([new SceneEntry("one", new Uri(server.Address, "one.tif").ToString()), new SceneEntry("two", new Uri(server.Address, "two.tif").ToString())], scenes);
    }

    [Fact]
    public async Task A_document_from_the_network_cannot_name_local_files()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", Encoding.UTF8.GetBytes("""{"type":"Feature","id":"x","assets":{"data":{"href":"file:///etc/secret.tif"}}}""")));
        Assert.Contains("/etc/secret.tif", (await Assert.ThrowsAsync<BatchException>(() => SceneList.ReadAsync([new Uri(server.Address, "item").ToString()]))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "no STAC document")]
    [InlineData("""{"type":"Topology"}""", "its type is none of")]
    [InlineData("""{"type":"Feature","assets":{}}""", "has no id")]
    [InlineData("""{"type":"FeatureCollection","features":[{"id":"many","assets":{"a":{"href":"a.tif"},"b":{"href":"b.tif"}}}]}""", "2 rasters and no link")]
    [InlineData("""{"type":"FeatureCollection","features":[],"links":[{"rel":"next","href":"x","method":"POST"}]}""", "POST")]
    public async Task A_document_that_lists_no_scenes_is_refused(string json, string expected)
    {
        Write("damaged.json", json);
        Assert.Contains(expected, (await Assert.ThrowsAsync<BatchException>(() => SceneList.ReadAsync([Path.Combine(_folder, "damaged.json")]))).Message, StringComparison.Ordinal);
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, file))!);
        File.WriteAllText(Path.Combine(_folder, file), text);
    }

    private static async Task<IEnumerable<string>> Names(string[] inputs, SceneListOptions? options = null) => (await SceneList.ReadAsync(inputs, options)).Select(scene => scene.Name);
}
