using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Class maps whose small segments a median removes. The filter itself: <c>ClassMedianTests</c>.</summary>
[Collection(OpenHandles.Name)]
public sealed class SceneMedianTests : IDisposable
{
    private const int Tile = 16, Width = 100, Height = 120, Window = 7;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-median-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(BlendMode.None), InlineData(BlendMode.Cosine)]
    public async Task The_median_is_that_of_the_whole_map_and_missing_pixels_stay_as_they_are(BlendMode blend)
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = Scene(holes: 0.15);
        var options = new SceneOptions { Overlap = 6, Blend = blend, Confidence = ConfidenceBand.Maximum };
        var plain = await new ScenePipeline(model).MapAsync(scene, options);
        var smooth = await new ScenePipeline(model).MapAsync(scene, options with { Median = Window });
        var expected = Smoothed(plain.Band<byte>(1).ToArray());
        Assert.Equal(expected, smooth.Band<byte>(1).ToArray());
        Assert.NotEqual(plain.Band<byte>(1).ToArray(), smooth.Band<byte>(1).ToArray());
        Assert.Equal(plain.Band<byte>(2).ToArray(), smooth.Band<byte>(2).ToArray());
        Assert.All(smooth.Report.Classes, item => Assert.Equal(expected.Count(value => value == item.Id), item.Pixels));
        Assert.Equal(plain.Report.Pixels, smooth.Report.Pixels);
        Assert.Equal($"Classes are the median of {Window} x {Window} pixels. Confidences are those of the classes before it.", Assert.Single(smooth.Report.Notes));
        var file = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, file, options with { Median = Window - 1 });
        Assert.Equal([.. expected, .. smooth.Band<byte>(2).ToArray()], TestScenes.Read<byte>(file));
        Assert.Equal(smooth.Report.Classes, report.Classes);
        using var map = RasterDataset.Open(file);
        Assert.Equal($"{Window}", map.FindMetadata("EOONNX_MEDIAN"));
    }

    [Fact]
    public async Task Panels_interruptions_and_a_kill_while_smoothing_change_no_byte()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = Scene(holes: 0.1);
        var options = new SceneOptions { Overlap = 8, Batch = 3, Median = Window, Confidence = ConfidenceBand.Entropy };
        var whole = Path.Combine(_folder, "whole.tif");
        var expected = await new ScenePipeline(model).RunAsync(scene, whole, options);
        foreach (var (stop, at) in (IEnumerable<(string, int)>)[("mapping", 1), ("mapping", 17), ("mapping", 40), ("finishing", 1)])
        {
            var output = Path.Combine(_folder, $"{stop}{at}.tif");
            using var cancelling = new CancellationTokenSource();
            var seen = 0;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).RunAsync(scene, output, options with { PanelTiles = 4 }, new Reaction(stage =>
            {
                if (stage == stop && ++seen == at)
                {
                    cancelling.Cancel();
                }
            }), cancelling.Token));
            Assert.False(File.Exists(output));
            File.WriteAllText(Path.Combine(output + ".eoonnx", "replaced.bil"), "half of it");
            var report = await new ScenePipeline(model).RunAsync(scene, output, options);
            Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(output));
            Assert.Equal(expected.Pixels, report.Pixels);
            Assert.Equal(expected.Classes, report.Classes);
            Assert.False(Directory.Exists(output + ".eoonnx"));
        }
    }

    [Fact]
    public async Task An_unfinished_run_with_another_window_is_refused_by_name()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = Scene(holes: 0);
        var output = Path.Combine(_folder, "map.tif");
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Median = 5 }, new Reaction(stage =>
        {
            if (stage == "mapping")
            {
                stop.Cancel();
            }
        }), stop.Token));
        var refusal = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Median = 9 }));
        Assert.Contains("EOONNX_MEDIAN: 5 there, 9 now", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_manifest_asks_for_it_options_decide_and_only_classes_are_smoothed()
    {
        var manifest = TestModels.Manifest(ModelTask.Segmentation, 1, Tile) with { Classes = [new ManifestClass(0, "low"), new ManifestClass(1, "high")], Median = 5 };
        using var model = EoModel.Load(TestModels.Save(_folder, "median", 1, Tile, (op, x) => op.Concat(1, op.Mul(x, 0), x), manifest));
        using var plain = EoModel.Load(TestModels.Save(_folder, "plain", 1, Tile, (op, x) => op.Concat(1, op.Mul(x, 0), x), manifest with { Median = null }));
        using var scene = Scene(holes: 0);
        var asked = await new ScenePipeline(plain).MapAsync(scene, new SceneOptions { Median = 5 });
        Assert.Equal(asked.Pixels<byte>().ToArray(), (await new ScenePipeline(model).MapAsync(scene)).Pixels<byte>().ToArray());
        Assert.Equal((await new ScenePipeline(plain).MapAsync(scene)).Pixels<byte>().ToArray(), (await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Median = 0 })).Pixels<byte>().ToArray());
        var probabilities = new SceneOptions { Content = MapContent.Probability };
        Assert.Equal((await new ScenePipeline(plain).MapAsync(scene, probabilities)).Pixels<byte>().ToArray(), (await new ScenePipeline(model).MapAsync(scene, probabilities)).Pixels<byte>().ToArray());
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => new ScenePipeline(model).MapAsync(scene, probabilities with { Median = 3 }));
        Assert.Contains("--out-type class", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("0 to 99", Assert.Throws<ArgumentOutOfRangeException>(() => new SceneOptions { Median = 100 }).Message, StringComparison.Ordinal);
        var plan = new ScenePipeline(model).Plan(scene, [new SceneOutput(Path.Combine(_folder, "map.tif"))], new SceneOptions());
        Assert.InRange(plan.Memory.Parts.Single(part => part.Name == "median").Bytes, Width * 5, 1 << 20);
    }

    private RasterDataset Scene(double holes) => RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, seed: 3, holes)));

    // From the definition; missing pixels, 255, take no part.
    private static byte[] Smoothed(byte[] map) => [.. Enumerable.Range(0, map.Length).Select(i =>
    {
        List<byte> neighbours = [.. Enumerable.Range(0, Window * Window).Select(j => map[(Math.Clamp((i / Width) + (j / Window) - (Window / 2), 0, Height - 1) * Width) + Math.Clamp((i % Width) + (j % Window) - (Window / 2), 0, Width - 1)])
            .Where(value => value != 255).Order()];
        return map[i] == 255 ? (byte)255 : neighbours[(neighbours.Count - 1) / 2];
    })];

    private sealed class Reaction(Action<string> act) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value) => act(value.Stage);
    }
}
