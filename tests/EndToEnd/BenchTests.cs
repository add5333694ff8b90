using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx bench scene</c> through the real program.</summary>
public sealed class BenchTests : IDisposable
{
    private const int Tile = 32;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-bench-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_bench_tells_rates_overhead_and_memory_of_an_invented_scene_and_leaves_nothing()
    {
        var builder = new GraphBuilder("threshold");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        builder.Output(builder.Concat(1, builder.Mul(image, 0), image), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "threshold", Family = "test", Task = ModelTask.Segmentation, Tile = Tile, Bands = [new ManifestBand("swir", 1500, 400)] }.ToJson();
        model.Save(Path.Combine(_folder, "model.onnx"));
        var run = (await Eoonnx.RunAsync(_folder, "bench", "scene", "--model", "model.onnx", "--size", "100", "--overlap", "8", "--batch", "2", "--turns", "2", "--threads", "1", "--heights", "--json")).Succeeded();
        using var report = JsonDocument.Parse(run.Output);
        Assert.Equal((100, 16, 2, 1), (Number("width"), Number("tiles"), Number("batch"), Number("threads")));
        Assert.All(["modelTilesPerSecond", "sceneTilesPerSecond", "streamedTilesPerSecond"], rate => Assert.True(report.RootElement.GetProperty(rate).GetProperty("median").GetDouble() > 0));
        Assert.True(report.RootElement.GetProperty("overhead").GetDouble() < 1);
        var heights = report.RootElement.GetProperty("heights").EnumerateArray().ToList();
        Assert.Equal([100, 200, 400], heights.Select(height => height.GetProperty("height").GetInt32()));
        var peaks = heights.Select(height => height.GetProperty("peakBytes").GetDouble()).ToList();
        Assert.All(peaks, peak => Assert.True(peak > 1 << 20, $"{peak} bytes are no peak of a process"));
        Assert.Equal((peaks.Max() / peaks.Min()) - 1, report.RootElement.GetProperty("heightSpread").GetDouble(), 1e-9);
        Assert.All(["processors", "ONNX Runtime", "GDAL"], part => Assert.Contains(part, report.RootElement.GetProperty("machine").GetString(), StringComparison.Ordinal));
        Assert.Equal([Path.Combine(_folder, "model.onnx")], Directory.GetFileSystemEntries(_folder));

        int Number(string name) => report.RootElement.GetProperty(name).GetInt32();
    }
}
