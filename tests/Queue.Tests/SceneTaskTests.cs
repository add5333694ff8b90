using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Runtime;

namespace EoOnnx.Queue;

public class SceneTaskTests
{
    private static readonly SceneTask Task = SceneTask.Of(new BatchScene("north/a.tif", "/scenes/a.tif", "/maps/a.tif")
    {
        Request = new SceneRequest
        {
            Sources = ["/scenes/a.tif", "/scenes/b.SAFE"], Modalities = new Dictionary<string, string> { ["DEM"] = "/dem.tif" }, Dates = [new(2024, 5, 1, 0, 0, 0, TimeSpan.Zero), new(2024, 6, 1, 0, 0, 0, TimeSpan.Zero)], Frames = [2, 1],
            Resolution = 20, ResampleToModel = true, Grid = "EPSG:32633", SentinelOffset = SentinelOffset.No, AllowExternalVrt = true,
        },
        Details = new SceneDetails { Bands = ["1"], Scale = [1e-4], Offset = [-0.1, 0.2], Validity = ValidityOptions.Parse("nan") },
    }, "/models/m.onnx", "/models/a.safetensors", new SceneOptions
    {
        Output = "logits", Tile = 64, Overlap = TileOverlap.Parse("12.5%"), Blend = BlendMode.Linear, Edge = EdgeMode.Reflect, Augmentation = TestTimeAugmentation.D4,
        Window = new PixelWindow(1, 2, 3, 4), Bounds = new MapBounds(1.5, 2, 3, 4), BoundsProjection = "EPSG:4326", Masks = [SceneMask.Parse("scl:0,1"), SceneMask.Parse("range:CLD>40")],
        MaskDilation = 3, MaskMode = MaskMode.Input, Batch = 2, Deterministic = true, Memory = 1 << 30, OnError = ErrorMode.NoData, MostDamage = 0.25, Bands = ["B02", "swir=3"],
        Scale = [0.5], Offset = [-1, 2], Validity = ValidityOptions.Parse("7", NoDataRule.All), Content = MapContent.Probability, Confidence = ConfidenceBand.Entropy, Quantise = new ValueRange(-0.1, 1e9), BlendSpace = BlendSpace.Logit, KeepWork = true, GramsPerKilowattHour = 381.5, Stamp = true, Restart = true, Overwrite = true,
    });

    [Fact]
    public void Every_option_reaches_the_worker()
    {
        var back = SceneTask.Parse(Task.ToJson());
        Assert.Equal(Task.ToJson(), back.ToJson());
        Assert.Equivalent(Task.Scene, back.Scene, strict: true);
        Assert.Equivalent(Task.Options with { Masks = [] }, back.Options with { Masks = [] }, strict: true);
        Assert.Equal(Task.Options.Masks.Select(mask => mask.Text), back.Options.Masks.Select(mask => mask.Text));
    }

    [Fact]
    public void The_files_of_masks_and_of_the_area_are_found_by_workers_in_other_folders()
    {
        var file = Path.Combine(Path.GetTempPath(), $"eoonnx-{Guid.NewGuid():N}.tif");
        File.WriteAllText(file, "");
        try
        {
            var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), file);
            var task = SceneTask.Of(Task.Scene, "m.onnx", null, new SceneOptions { Masks = [SceneMask.Parse($"value:{relative}=0,255")], Area = relative });
            Assert.Equal(file, task.Options.Area);
            Assert.Equal($"value:{file}=0,255", Assert.Single(task.Options.Masks).Text);
            Assert.Equal(Path.GetFullPath("m.onnx"), task.Model);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("""{"version":2}""", "version 2")]
    [InlineData("""{}""", "version 0")]
    [InlineData("""{"version":1,"scene":{"name":"a","path":"a","map":"a"},"model":"m","run":"rm"}""", "run")]
    [InlineData("""{"version":1,"scene":{"name":"a","path":"a","map":"a"},"model":"m","options":{"tile":0}}""", "tile")]
    [InlineData("""{"version":1,"scene":{"name":"a","path":"a","map":"a","request":{"sources":[null]}},"model":"m"}""", "source without a name")]
    [InlineData("""{"version":1,"scene":{"name":"a","path":"a","map":"a","request":{"grid":"/etc/passwd"}},"model":"m"}""", "no coordinate reference system")]
    [InlineData("""{"version":1}""", "required")]
    [InlineData("[1]", "damaged")]
    [InlineData("rm -rf", "damaged")]
    public void What_is_no_task_of_this_version_is_refused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<QueueException>(() => SceneTask.Parse(text)).Message, StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void An_outcome_comes_back_as_it_was()
    {
        var outcome = new SceneOutcome("a", SceneStatus.Done, "/maps/a.tif", 12, 1.5, double.NaN, [new ClassReport(1, "burnt", 3, 0.25)], null);
        Assert.Equivalent(outcome, SceneTask.ReadOutcome(SceneTask.Write(outcome)), strict: true);
    }
}
