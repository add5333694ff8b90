using EoOnnx.Runtime;

namespace EoOnnx.Queue;

public sealed class AllowedRootsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-roots-").FullName;
    private readonly AllowedRoots _roots;

    public AllowedRootsTests()
    {
        Directory.CreateDirectory(In("allowed"));
        Directory.CreateDirectory(In("elsewhere"));
        Directory.CreateSymbolicLink(In("allowed/link"), In("elsewhere"));
        _roots = new AllowedRoots([In("allowed"), "https://data.example.org/scenes"]);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_lies_below_an_allowed_place_may_be_named()
    {
        _roots.Check(Task(In("allowed/a.tif"), In("allowed/maps/a.tif")));
        _roots.Check(Task("https://data.example.org/scenes/a.tif", In("allowed/a.tif")));
        _roots.Check(Task(In("allowed/a.tif"), In("allowed/b.tif"), new SceneRequest { Sources = [In("allowed/items.json#one"), "https://data.example.org/scenes/search#two"] }));
        _roots.Check(Task(In("allowed/a.tif"), In("allowed/b.tif")) with { Options = new SceneOptions { Masks = [SceneMask.Parse("scl"), SceneMask.Parse("bits:QA_PIXEL:1")] } });
    }

    [Theory]
    [InlineData("elsewhere/a.tif")]
    [InlineData("allowed/../elsewhere/a.tif")]
    [InlineData("allowed/link/a.tif")]
    [InlineData("allowed-too/a.tif")]
    public void A_file_elsewhere_is_refused_whatever_it_is_for(string path)
    {
        Refused(Task(In(path), In("allowed/a.tif")));
        Refused(Task(In("allowed/a.tif"), In(path)));
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif"), new SceneRequest { Sources = [In("allowed/a.tif"), In(path)] }));
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif"), new SceneRequest { Modalities = new Dictionary<string, string> { ["DEM"] = In(path) } }));
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif"), new SceneRequest { Sources = [In(path) + "#item"] }));
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif")) with { Model = In(path) });
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif")) with { Adapter = In(path) });
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif")) with { Options = new SceneOptions { Masks = [SceneMask.Parse($"value:{In(path)}=1")] } });
        Refused(Task(In("allowed/a.tif"), In("allowed/b.tif")) with { Options = new SceneOptions { Area = In(path) } });
        var plain = Task(In("allowed/a.tif"), In("allowed/b.tif"));
        Refused(plain with { Scene = plain.Scene with { Details = new SceneDetails { Area = In(path) } } });
        Refused(plain with { Scene = plain.Scene with { Details = new SceneDetails { Masks = [SceneMask.Parse($"value:{In(path)}=1")] } } });
    }

    [Theory]
    [InlineData("/vsicurl/https://evil.example.org/a.tif")]
    [InlineData("https://data.example.org/scenes/../private/a.tif")]
    [InlineData("https://data.example.org.evil.example.org/scenes/a.tif")]
    [InlineData("file:///etc/passwd")]
    [InlineData("WMS:https://evil.example.org")]
    [InlineData("a.tif")]
    public void Names_that_lead_elsewhere_in_another_way_are_refused(string scene) => Refused(Task(scene, In("allowed/a.tif")));

    [Fact]
    public void A_map_is_a_tif() => Refused(Task(In("allowed/a.tif"), In("allowed/authorized_keys")));

    private void Refused(SceneTask task) => Assert.Contains("of a task", Assert.Throws<QueueException>(() => _roots.Check(task)).Message, StringComparison.Ordinal);

    private string In(string path) => _folder + "/" + path;

    private SceneTask Task(string scene, string map, SceneRequest? request = null) => new() { Scene = new BatchScene("a", scene, map) { Request = request ?? new SceneRequest { Sources = [scene] } }, Model = In("allowed/model.onnx") };
}
