using System.Text.Json;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary>The whole product in one command, as a newcomer types it.</summary>
public sealed class DemoTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_demo_trains_an_adapter_that_beats_a_frozen_encoder_and_a_threshold_and_maps_the_scene_with_it()
    {
        var run = (await Eoonnx.RunAsync(_folder, "demo", "--out", "demo", "--json")).Succeeded();
        using var json = JsonDocument.Parse(run.Output);
        var scores = json.RootElement.GetProperty("scores").EnumerateArray().Select(score => score.GetProperty("meanIoU").GetDouble()).ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine($"mIoU: threshold {scores[0]:F3}, frozen encoder {scores[1]:F3}, adapter {scores[2]:F3}; {json.RootElement.GetProperty("seconds").GetDouble():F1} s");
        Assert.True(scores[2] > scores[1], $"adapter {scores[2]} against frozen encoder {scores[1]}");
        Assert.True(scores[2] > scores[0] + 0.03, $"adapter {scores[2]} against threshold {scores[0]}");

        var map = Path.Combine(_folder, "demo", "map.tif");
        Assert.True(MeanIoU(map, Path.Combine(_folder, "demo", "evaluate", "labels", "scene_b.tif")) > scores[1], "the map is not that of the adapter");
        Assert.All(["quicklook.png", "demo.json", "run/adapter.safetensors", "run/adapter.onnx_adapter", "run/model.onnx", "run/report.json"],
            file => Assert.True(File.Exists(Path.Combine(_folder, "demo", file)), file));
    }

    private static double MeanIoU(string map, string truth)
    {
        var (predicted, target) = (Read(map), Read(truth));
        return Enumerable.Range(0, 2).Average(c =>
        {
            var known = predicted.Zip(target).Where(pixel => pixel.Second != 255).ToList();
            return known.Count(pixel => pixel.First == c && pixel.Second == c) / (double)known.Count(pixel => pixel.First == c || pixel.Second == c);
        });
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
