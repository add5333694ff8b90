using System.Diagnostics;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx infer</c> through the real program.</summary>
public sealed class InferTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-infer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_scene_becomes_a_map_with_the_same_georeferencing_a_table_and_a_report()
    {
        WriteModel();
        WriteScene(300, 200);
        var run = (await Eoonnx.RunAsync(_folder, "infer", "scene.tif", "--model", "model.onnx", "--out", "map.tif", "--overlap", "10%", "--mask", "range:red>900", "--mask-dilate", "1", "--tta", "flips", "--edge", "reflect")).Succeeded();
        Assert.All(["swir", "300 x 200", "px/s", "high", "map: map.tif"], text => Assert.Contains(text, run.Output, StringComparison.Ordinal));
        using var scene = GdalInfo("scene.tif");
        using var map = GdalInfo("map.tif");
        foreach (var key in (string[])["size", "geoTransform", "cornerCoordinates", "coordinateSystem"])
        {
            Assert.Equal(scene.RootElement.GetProperty(key).GetRawText(), map.RootElement.GetProperty(key).GetRawText());
        }

        using var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "map.report.json")));
        Assert.Equal(6, report.RootElement.GetProperty("plan").GetProperty("overlap").GetInt32());
        const string command = "eoonnx infer scene.tif --model model.onnx --out map.tif --overlap 10% --mask 'range:red>900' --mask-dilate 1 --tta flips --edge reflect";
        Assert.Equal((command, 0), (report.RootElement.GetProperty("command").GetString(), report.RootElement.GetProperty("exit").GetInt32()));
        Assert.Contains("<dt>command</dt><dd>eoonnx infer scene.tif", File.ReadAllText(Path.Combine(_folder, "map.report.html")), StringComparison.Ordinal);
        var (io, memory) = (report.RootElement.GetProperty("io"), report.RootElement.GetProperty("memory"));
        Assert.True(io.GetProperty("calls").GetInt64() > 0 && io.GetProperty("requests").GetInt64() == 0, "files are read by calls, not by requests");
        Assert.InRange(memory.GetProperty("managedBytes").GetInt64(), 1, memory.GetProperty("peakBytes").GetInt64());
        Assert.True(report.RootElement.GetProperty("seconds").GetProperty("open").GetDouble() > 0);
        Assert.Equal(["map.report.html", "map.report.json", "map.tif", "map.tif.aux.xml", "model.onnx", "scene.tif"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task With_json_the_report_is_the_only_thing_on_standard_output()
    {
        WriteModel();
        WriteScene(100, 90);
        var run = (await Eoonnx.RunAsync(_folder, "infer", "scene.tif", "--model", "model.onnx", "--out", "map.tif", "--bands", "2", "--out-type", "prob", "--json")).Succeeded();
        using var report = JsonDocument.Parse(run.Output);
        Assert.Equal(2, report.RootElement.GetProperty("channels")[0].GetProperty("band").GetInt32());
        Assert.Equal("probability", report.RootElement.GetProperty("content").GetString());
    }

    [Theory]
    [InlineData(1, "the model expects 1 (swir): 'x' of --bands is not among them", "--bands", "x")]
    [InlineData(1, "overlap 40", "--overlap", "40")]
    [InlineData(2, "'ten' is no overlap", "--overlap", "ten")]
    [InlineData(2, "'x' is not a number", "--scale", "x")]
    [InlineData(2, "--scale has 2 values", "--scale", "1,2")]
    [InlineData(2, "'empty' is no nodata value", "--nodata", "empty")]
    [InlineData(2, "The batch must be 1 to 1024", "--batch", "0")]
    [InlineData(2, "--window takes four numbers", "--window", "1,2")]
    [InlineData(2, "'fog' is no mask", "--mask", "fog")]
    [InlineData(1, "neither a file nor a band", "--mask", "scl")]
    [InlineData(1, "'warp' is no device", "--device", "warp")]
    public async Task A_wrong_option_is_one_clear_line_and_leaves_no_file(int exitCode, string expected, params string[] options)
    {
        WriteModel();
        WriteScene(80, 80);
        var run = await Eoonnx.RunAsync(_folder, ["infer", "scene.tif", "--model", "model.onnx", "--out", "map.tif", .. options]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(expected, Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal(["model.onnx", "scene.tif"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_scene_that_does_not_exist_exits_1_with_its_name()
    {
        WriteModel();
        var run = await Eoonnx.RunAsync(_folder, "infer", "absent.tif", "--model", "model.onnx", "--out", "map.tif");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("absent.tif", run.Error, StringComparison.Ordinal);
    }

    private void WriteModel()
    {
        var builder = new GraphBuilder("threshold");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, 64, 64));
        builder.Output(builder.Concat(1, builder.Mul(image, 0), image), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "threshold", Family = "test", Task = ModelTask.Segmentation, Tile = 64, Bands = [new ManifestBand("swir", 500, 100)], Classes = [new ManifestClass(0, "low"), new ManifestClass(1, "high")],
        }.ToJson();
        model.Save(Path.Combine(_folder, "model.onnx"));
    }

    private void WriteScene(int width, int height) => GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), new RasterProfile
    {
        Size = new PixelSize(width, height), BandCount = 2, Type = RasterType.UInt16, NoData = 0, Projection = "EPSG:32633", BandNames = ["red", "swir"],
        Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    }, [.. Enumerable.Range(0, width * height * 2).Select(i => (ushort)(i * 7919 % 1000))]);

    private JsonDocument GdalInfo(string file)
    {
        using var process = Process.Start(new ProcessStartInfo("gdalinfo", ["-json", Path.Combine(_folder, file)]) { RedirectStandardOutput = true })!;
        return JsonDocument.Parse(process.StandardOutput.ReadToEnd());
    }
}
