using System.Text.Json;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary>What one run of the demo leaves behind.</summary>
public sealed class DemoOutput : IAsyncLifetime
{
    /// <summary>The folder in which <c>eoonnx demo --out demo</c> was run.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("eoonnx-demo-").FullName;

    /// <summary>What it printed with <c>--json</c>.</summary>
    public JsonElement Result { get; private set; }

    public async ValueTask InitializeAsync()
    {
        var run = (await Eoonnx.RunAsync(Folder, "demo", "--out", "demo", "--json")).Succeeded();
        using var json = JsonDocument.Parse(run.Output);
        Result = json.RootElement.Clone();
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>The whole product in one command, as a newcomer types it, and the examples that the help gives.</summary>
public sealed class DemoTests(DemoOutput demo) : IClassFixture<DemoOutput>
{
    [Fact]
    public void The_demo_trains_an_adapter_that_beats_a_frozen_encoder_and_a_threshold_and_maps_the_scene_with_it()
    {
        var scores = demo.Result.GetProperty("scores").EnumerateArray().Select(score => score.GetProperty("meanIoU").GetDouble()).ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine($"mIoU: threshold {scores[0]:F3}, frozen encoder {scores[1]:F3}, adapter {scores[2]:F3}; {demo.Result.GetProperty("seconds").GetDouble():F1} s");
        Assert.True(scores[2] > scores[1], $"adapter {scores[2]} against frozen encoder {scores[1]}");
        Assert.True(scores[2] > scores[0] + 0.03, $"adapter {scores[2]} against threshold {scores[0]}");

        var map = Path.Combine(demo.Folder, "demo", "map.tif");
        Assert.True(MeanIoU(map, Path.Combine(demo.Folder, "demo", "evaluate", "labels", "scene_b.tif")) > scores[1], "the map is not that of the adapter");
        Assert.All(["quicklook.png", "demo.json", "run/adapter.safetensors", "run/adapter.onnx_adapter", "run/model.onnx", "run/report.json"],
            file => Assert.True(File.Exists(Path.Combine(demo.Folder, "demo", file)), file));
    }

    [Theory]
    [InlineData("doctor")]
    [InlineData("inspect")]
    [InlineData("stats")]
    [InlineData("synthesize")]
    [InlineData("train-adapter")]
    [InlineData("evaluate")]
    [InlineData("merge")]
    [InlineData("infer")]
    [InlineData("batch")]
    [InlineData("deepness")]
    [InlineData("export", "dofa")]
    [InlineData("adapter", "diff")]
    [InlineData("adapter", "compress")]
    [InlineData("adapter", "convert")]
    public async Task The_example_of_a_verb_works_when_pasted(params string[] verb)
    {
        var help = (await Eoonnx.RunAsync(demo.Folder, [.. verb, "--help"])).Succeeded().Output.Split('\n');
        var example = help.SkipWhile(line => line != "Example:").Skip(1).Select(line => line.Trim()).Where(line => line.Length > 0).ToList();
        Assert.NotEmpty(example);
        foreach (var line in example.Where(line => !line.StartsWith("eoonnx demo ", StringComparison.Ordinal)))   // has been run
        {
            Assert.StartsWith("eoonnx ", line, StringComparison.Ordinal);
            (await Eoonnx.RunAsync(demo.Folder, line.Split(' ')[1..])).Succeeded();
        }
    }

    private static double MeanIoU(string map, string truth)
    {
        var (predicted, target) = (Read(map), Read(truth));
        var known = predicted.Zip(target).Where(pixel => pixel.Second != 255).ToList();
        return Enumerable.Range(0, 2).Average(c =>
            known.Count(pixel => pixel.First == c && pixel.Second == c) / (double)known.Count(pixel => pixel.First == c || pixel.Second == c));
    }

    private static byte[] Read(string path)
    {
        using var raster = RasterDataset.Open(path);
        using var reader = raster.OpenReader();
        var pixels = new byte[raster.Size.Width * raster.Size.Height];
        reader.Read(new PixelWindow(0, 0, raster.Size.Width, raster.Size.Height), [1], pixels);
        return pixels;
    }
}
