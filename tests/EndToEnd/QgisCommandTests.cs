using System.Diagnostics;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>The command line that the script for QGIS builds is one that the program takes.</summary>
public sealed class QgisCommandTests : IDisposable
{
    private const int Edge = 64, Tile = 32;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-qgis-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_field_of_the_script_is_an_option_that_the_program_takes()
    {
        var arguments = await AskPython("""
            import json
            from eoonnx_command import InferRequest
            request = InferRequest("scene.tif", "model.onnx", "map.tif", overlap="25%", bands="2", extent=[300000.0, 4999400.0, 300500.0, 5000000.0], extent_crs="EPSG:32633",
                                   content="class", confidence="max", device="cpu", style=True, extra=["--stac", "--dry-run"])
            print(json.dumps(request.arguments()))
            """);
        WriteModel();
        GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), new RasterProfile
        {
            Size = new PixelSize(Edge, Edge), BandCount = 2, Type = RasterType.UInt16, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
        }, new ushort[2 * Edge * Edge]);
        var run = (await Eoonnx.RunAsync(_folder, arguments)).Succeeded();
        using var plan = JsonDocument.Parse(run.Output);
        Assert.Equal(50, plan.RootElement.GetProperty("width").GetInt32());
    }

    // Written as it is run, so that a missing Python is told and not passed over.
    private static async Task<string[]> AskPython(string script)
    {
        var python = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "python3")).FirstOrDefault(File.Exists);
        if (python is null)
        {
            const string message = "SKIPPED: python3 is missing; the command line of the QGIS script is NOT tested in this run. Install it with: sudo apt-get install -y python3";
            Console.Error.WriteLine(message);
            Assert.Skip(message);
        }

        using var process = Process.Start(new ProcessStartInfo(python, ["-B", "-c", script]) { WorkingDirectory = Path.Combine(SharedData.Repository, "samples", "qgis"), RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return JsonSerializer.Deserialize<string[]>(text)!;
    }

    private void WriteModel()
    {
        var builder = new GraphBuilder("threshold");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        builder.Output(builder.Concat(1, builder.Mul(image, 0), image), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "threshold", Family = "test", Task = ModelTask.Segmentation, Tile = Tile, Bands = [new ManifestBand("swir", 500, 100)] }.ToJson();
        model.Save(Path.Combine(_folder, "model.onnx"));
    }
}
