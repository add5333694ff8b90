using System.Diagnostics;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>How maps are stored on request, and what their report says about it.</summary>
[Collection(OpenHandles.Name)]
public sealed class SceneStorageTests : IDisposable
{
    private const int Tile = 16, Width = 50, Height = 40;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-storage-").FullName;

    private string Map => Path.Combine(_folder, "map.tif");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Values_over_a_range_are_stored_in_16_bits_with_scale_offset_and_unit()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "biomass", 1, Tile, (op, x) => op.Identity(x), TestModels.Manifest(ModelTask.Regression, 1, Tile) with { Unit = "t/ha" }));
        var pixels = TestScenes.Pixels(Width, Height, 1, seed: 4, holes: 0.1);
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, pixels));
        var report = await new ScenePipeline(model).RunAsync(scene, Map, new SceneOptions { Quantise = new ValueRange(-100, 100), Blend = BlendMode.None });
        using var map = RasterDataset.Open(Map);
        var band = Assert.Single(map.Bands);
        Assert.Equal((RasterType.Int16, -32768.0), (band.Type, band.NoData));
        Assert.All(pixels.Zip(TestScenes.Read<short>(Map)), pixel => Assert.True(
            pixel.First == TestScenes.Missing ? pixel.Second == short.MinValue : Math.Abs((pixel.Second * band.Scale) + band.Offset - pixel.First) <= 0.51 * band.Scale, $"{pixel}"));
        using var info = JsonDocument.Parse(GdalInfo());
        Assert.Equal("t/ha", info.RootElement.GetProperty("bands")[0].GetProperty("unit").GetString());
        var present = pixels.Where(pixel => pixel != TestScenes.Missing).ToList();
        var told = Assert.Single(report.Values);
        Assert.Equal(("value", "t/ha"), (told.Name, told.Unit));
        Assert.Equal((present.Min(), present.Max(), present.Average()), ((float)told.Low!, (float)told.High!, (float)told.Mean!), new Near(0.01f));
        Assert.Equal(present.Count, report.Pixels.Predicted);
    }

    [Fact]
    public async Task A_range_for_classes_and_logits_under_symmetries_are_refused_with_the_option()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, new float[Width * Height]));
        await Refused(new SceneOptions { Quantise = new ValueRange(0, 1) }, "--quantise");
        await Refused(new SceneOptions { BlendSpace = BlendSpace.Logit, Augmentation = TestTimeAugmentation.Flips }, "--tta");
        Assert.Equal(new ValueRange(-0.5, 1e6), ValueRange.Parse(new ValueRange(-0.5, 1e6).ToString()));
        Assert.Contains("'5' is no range", Assert.Throws<ArgumentException>(() => ValueRange.Parse("5")).Message, StringComparison.Ordinal);
        Assert.Contains("the smaller first", Assert.Throws<ArgumentOutOfRangeException>(() => new ValueRange(1, 0)).Message, StringComparison.Ordinal);

        async Task Refused(SceneOptions options, string expected) =>
            Assert.Contains(expected, (await Assert.ThrowsAsync<ArgumentException>(() => new ScenePipeline(model).RunAsync(scene, Map, options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Blended_logits_become_probabilities_after_they_were_summed()
    {
        // Logits are 0 and the pixel plus its place in the tile: neighbours disagree where they overlap.
        var places = Enumerable.Range(0, Tile * Tile).Select(i => 0.02f * i).ToArray();
        using var model = EoModel.Load(TestModels.Save(_folder, "places", 1, Tile, (op, x) =>
            op.Concat(1, op.Mul(x, 0), op.Add(x, op.Initializer("p", TensorData.FromValues<float>([1, 1, Tile, Tile], places)))), TestModels.Manifest(ModelTask.Segmentation, 1, Tile)));
        float[] pixels = [.. Enumerable.Range(0, Width * Height).Select(i => -3 + (i % 7 * 0.3f))];
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, pixels));
        var options = new SceneOptions { Overlap = 6, Content = MapContent.Probability, BlendSpace = BlendSpace.Logit, Blend = BlendMode.Linear };
        await new ScenePipeline(model).RunAsync(scene, Map, options);
        var sums = new double[Width * Height];
        var plan = TilePlan.Create(scene.Size, new TilePlanOptions { Tile = Tile, Overlap = 6 });
        var (across, down) = (new float[Tile], new float[Tile]);
        foreach (var tile in plan.Tiles())
        {
            plan.X.Weights(tile.Column, BlendMode.Linear, 0, across);
            plan.Y.Weights(tile.Row, BlendMode.Linear, 0, down);
            for (var i = 0; i < Tile * Tile; i++)
            {
                var position = ((tile.Read.Y + (i / Tile)) * Width) + tile.Read.X + (i % Tile);
                sums[position] += (double)across[i % Tile] * down[i / Tile] * (pixels[position] + places[i]);
            }
        }

        var second = TestScenes.Read<byte>(Map).Skip(Width * Height).ToArray();
        Assert.All(sums.Zip(second), pixel => Assert.Equal(254 / (1 + Math.Exp(-pixel.First)), pixel.Second, 0.51));
        var logits = File.ReadAllBytes(Map);
        await new ScenePipeline(model).RunAsync(scene, Map, options with { BlendSpace = BlendSpace.Probability, Overwrite = true });
        Assert.NotEqual(logits, File.ReadAllBytes(Map));
    }

    [Fact]
    public async Task A_kept_work_area_makes_the_map_again_without_the_model_and_then_goes()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, seed: 3, holes: 0)));
        await new ScenePipeline(model).RunAsync(scene, Map, new SceneOptions { KeepWork = true });
        var bytes = File.ReadAllBytes(Map);
        Assert.Equal(["job.json", "journal.jsonl", "lock", "rows.bil", "rows.hdr"], Directory.GetFiles(Map + ".eoonnx").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        File.Delete(Map);
        var report = await new ScenePipeline(model).RunAsync(scene, Map);
        Assert.Equal(Height, report.Plan.ResumedRows);
        Assert.Equal(bytes, File.ReadAllBytes(Map));
        Assert.False(Directory.Exists(Map + ".eoonnx"));
    }

    [Fact]
    public async Task The_report_tells_place_reading_energy_and_how_sure_the_model_was_of_each_class()
    {
        using var model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, seed: 5, holes: 0.1)));
        var report = await new ScenePipeline(model).RunAsync(scene, Map, new SceneOptions { Confidence = ConfidenceBand.Maximum, GramsPerKilowattHour = 400 });
        Assert.Equal(new PlaceReport("EPSG:32633", 300_000, 5_000_000 - (10 * Height), 300_000 + (10 * Width), 5_000_000, 10, 10), report.Place);
        Assert.Equal(new FileInfo(scene.Path).Length, report.Io!.SourceBytes);
        Assert.True(report.Io.Bytes is null || report.Io.Bytes >= report.Io.SourceBytes / 2);
        Assert.Contains(report.Energy!.Method, (string[])["measured", "estimated"]);
        Assert.Equal(report.Energy.Joules / 3.6e6 * 400, report.Energy.Co2Grams!.Value, 1e-9 + (1e-9 * report.Energy.Joules));
        var stored = TestScenes.Read<byte>(Map);
        foreach (var item in report.Classes)
        {
            var sure = Enumerable.Range(0, Width * Height).Where(i => stored[i] == item.Id).Select(i => stored[(Width * Height) + i] / 254.0).ToList();
            Assert.Equal(sure.Average(), item.Confidence!.Value, 1e-9);
        }

        Assert.Equivalent(report.Classes, SceneReport.Load(ScenePipeline.ReportPath(Map)).Classes, strict: true);
        Assert.Contains("mean confidence", File.ReadAllText(ScenePipeline.PagePath(Map)), StringComparison.Ordinal);
        var plain = await new ScenePipeline(model).RunAsync(scene, Map, new SceneOptions { Overwrite = true });
        Assert.All(plain.Classes, item => Assert.Null(item.Confidence));
        Assert.Null(plain.Energy!.Co2Grams);
    }

    private string GdalInfo()
    {
        using var process = Process.Start(new ProcessStartInfo("gdalinfo", ["-json", Map]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd();
    }

    private sealed class Near(float tolerance) : IEqualityComparer<(float, float, float)>
    {
        public bool Equals((float, float, float) x, (float, float, float) y) =>
            Math.Max(Math.Max(Math.Abs(x.Item1 - y.Item1), Math.Abs(x.Item2 - y.Item2)), Math.Abs(x.Item3 - y.Item3)) <= tolerance;

        public int GetHashCode((float, float, float) obj) => 0;
    }
}
