using CsCheck;

namespace EoOnnx.Runtime.Tests.Scenes.Batch;

public class MapNamingTests
{
    private static readonly string Root = Path.Combine(Path.GetTempPath(), "maps");

    private static readonly string[] Parts = ["..", "a", ".", "...", "\\..\\", "c:", "\0", ""];

    [Theory]
    [InlineData("{stem}.tif", "a/b/t33.tif", "t33.tif")]
    [InlineData("{folder}/{stem}_map.tif", "a/b/t33.jp2", "a/b/t33_map.tif")]
    [InlineData("{folder}/{stem}.tif", "t33.tif", "t33.tif")]
    [InlineData("{stem}.tif", "S2A_T33.SAFE_v1.2", "S2A_T33.SAFE_v1.2.tif")]
    public void A_pattern_names_the_map(string pattern, string scene, string map) =>
        Assert.Equal(Path.Combine(Root, map), Assert.Single(new MapNaming { Folder = Root, Pattern = pattern }.Apply([new SceneEntry(scene, "/data/x.tif")])).Map);

    [Fact]
    public void Two_scenes_with_one_map_are_refused_with_both_names()
    {
        var failure = Assert.Throws<BatchException>(() => new MapNaming { Folder = Root }.Apply([new("a/t33.tif", "/data/a/t33.tif"), new("b/t33.tif", "/data/b/t33.tif")]));
        Assert.All(["a/t33.tif", "b/t33.tif", "{folder}"], text => Assert.Contains(text, failure.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_map_that_would_replace_a_scene_is_refused()
    {
        var scene = Path.Combine(Root, "t33.tif");
        Assert.Contains(scene, Assert.Throws<BatchException>(() => new MapNaming { Folder = Root }.Apply([new("t33.tif", scene)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_name_leads_out_of_the_folder() =>
        Gen.Select(Gen.Int[0, Parts.Length - 1].Select(i => Parts[i]).Array[1, 6], Gen.Bool.Select(folders => folders ? "{folder}/{stem}.tif" : "{stem}.tif")).Sample((parts, pattern) =>
            new MapNaming { Folder = Root, Pattern = pattern }.Apply([new SceneEntry(string.Join('/', parts), "/data/x.tif")])[0].Map.StartsWith(Root + Path.DirectorySeparatorChar, StringComparison.Ordinal));

    [Theory, InlineData("map.tif"), InlineData("{stem}.png"), InlineData("{stem}{date}.tif")]
    public void A_pattern_that_cannot_tell_scenes_apart_is_refused(string pattern) =>
        Assert.Contains(pattern, Assert.Throws<ArgumentOutOfRangeException>(() => new MapNaming { Folder = Root, Pattern = pattern }).Message, StringComparison.Ordinal);
}
