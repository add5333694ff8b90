using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx batch --retry-failed</c> with the real program.</summary>
public sealed class BatchRetryTests : IDisposable
{
    private const int Tile = 32, Edge = 128;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-retry-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Retrying_maps_the_scenes_that_failed_and_no_others()
    {
        WriteModel();
        Directory.CreateDirectory(Path.Combine(_folder, "scenes"));
        foreach (var name in (string[])["first", "second", "third"])
        {
            WriteScene(name);
        }

        using (var torn = File.OpenWrite(Scene("second")))
        {
            torn.SetLength(torn.Length / 2);
        }

        var run = await Batch();
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(("done", "failed", "done"), Statuses(run));
        Assert.False(File.Exists(Map("second")));

        // What fails again is told again, and is asked for the next time, too.
        run = await Batch("--retry-failed");
        Assert.Equal(1, run.ExitCode);
        Assert.False(File.Exists(Map("second")));

        // A map that is missing is none that failed: a retry leaves it alone.
        WriteScene("second");
        File.Delete(Map("third"));
        var before = File.GetLastWriteTimeUtc(Map("first"));
        run = (await Batch("--retry-failed", "--restart")).Succeeded();
        Assert.Equal(["second"], JsonDocument.Parse(run.Output).RootElement.GetProperty("scenes").EnumerateArray().Where(scene => scene.GetProperty("status").GetString() == "done").Select(scene => Path.GetFileNameWithoutExtension(scene.GetProperty("scene").GetString()!)));
        Assert.Equal((true, false, before), (File.Exists(Map("second")), File.Exists(Map("third")), File.GetLastWriteTimeUtc(Map("first"))));
        Assert.Equal(File.ReadAllBytes(Map("first")).Length, File.ReadAllBytes(Map("second")).Length);

        // Without the option whatever has no map is mapped.
        (await Batch()).Succeeded();
        Assert.Equal((true, before), (File.Exists(Map("third")), File.GetLastWriteTimeUtc(Map("first"))));
    }

    private string Scene(string name) => Path.Combine(_folder, "scenes", name + ".tif");

    private string Map(string name) => Path.Combine(_folder, "maps", name + ".tif");

    private Task<Eoonnx> Batch(params string[] options) => Eoonnx.RunAsync(_folder, ["batch", "scenes", "--model", "model.onnx", "--out-dir", "maps", "--input-check", "off", "--json", .. options]);

    private static (string, string, string) Statuses(Eoonnx run)
    {
        var statuses = JsonDocument.Parse(run.Output).RootElement.GetProperty("scenes").EnumerateArray().ToDictionary(scene => Path.GetFileNameWithoutExtension(scene.GetProperty("scene").GetString()!), scene => scene.GetProperty("status").GetString()!);
        return (statuses["first"], statuses["second"], statuses["third"]);
    }

    private void WriteModel()
    {
        var op = new GraphBuilder("threshold");
        var image = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        op.Output(op.Concat(1, op.Mul(image, 0), image), "logits");
        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "threshold", Family = "test", Task = ModelTask.Segmentation, Tile = Tile, Bands = [new ManifestBand("swir", 500, 100)], Classes = [new ManifestClass(0, "low"), new ManifestClass(1, "high")],
        }.ToJson();
        model.Save(Path.Combine(_folder, "model.onnx"));
    }

    private void WriteScene(string name) => GeoTiffWriter.Write<ushort>(Scene(name), new RasterProfile
    {
        Size = new PixelSize(Edge, Edge), BandCount = 1, Type = RasterType.UInt16, NoData = 0, Projection = "EPSG:32633", BandNames = ["swir"],
        Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    }, [.. Enumerable.Range(0, Edge * Edge).Select(i => (ushort)(1 + (i * 7919 % 1000)))]);
}
