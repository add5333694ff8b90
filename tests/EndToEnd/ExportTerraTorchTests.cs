using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx export terratorch</c> through the real program.</summary>
public sealed class ExportTerraTorchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-terratorch-").FullName;

    public static TheoryData<string> Cases => [.. SharedData.Cases("tasks").DefaultIfEmpty("absent")];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Cases))]
    public async Task A_task_becomes_a_model_that_tells_its_whole_story(string @case)
    {
        var checkpoint = Path.Combine(GoldenTasks.Folder(@case), "task.ckpt");
        var exported = (await Eoonnx.RunAsync(_folder, ["export", "terratorch", checkpoint, "--out", "t.onnx", "--json", .. Heads(@case)])).Succeeded();
        using var report = JsonDocument.Parse(exported.Output);
        var adapter = report.RootElement.TryGetProperty("adapter", out var file) ? file.GetString() : null;
        Assert.Equal(adapter is null ? ["t.onnx"] : ["t.onnx", "t.onnx_adapter", "t.safetensors"],
            Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        using var inspected = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "t.onnx", "--json")).Succeeded().Output);
        var manifest = inspected.RootElement.GetProperty("manifest");
        Assert.True(manifest.GetProperty("bands").GetArrayLength() > 0);
        Assert.True(manifest.GetProperty("padding").GetProperty("multiple").GetInt32() == 2 * manifest.GetProperty("patch").GetInt32());
        Assert.Matches("^[0-9a-f]{64}$", manifest.GetProperty("sourceSha256").GetString());
        if (adapter is not null)
        {
            (await Eoonnx.RunAsync(_folder, ["export", "terratorch", checkpoint, "--out", "merged.onnx", "--merge", .. Heads(@case)])).Succeeded();
            Assert.False(File.Exists(Path.Combine(_folder, "merged.safetensors")));
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task A_task_for_one_image_becomes_a_file_for_Deepness_that_maps_a_scene_without_conversion(string @case)
    {
        var checkpoint = Path.Combine(GoldenTasks.Folder(@case), "task.ckpt");
        using var config = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(SharedData.Golden, "tasks", @case, "config.json"), TestContext.Current.CancellationToken));
        var isMap = config.RootElement.GetProperty("shapes").TryGetProperty("x", out _) && config.RootElement.GetProperty("task").GetString() is "SemanticSegmentationTask" or "PixelwiseRegressionTask";
        var run = await Eoonnx.RunAsync(_folder, ["export", "terratorch", checkpoint, "--out", "d.onnx", "--deepness", "--resolution", "10", "--json", .. Heads(@case)]);
        if (!isMap || !config.RootElement.GetProperty("shapes").TryGetProperty("x", out var shape) || (shape.GetArrayLength() == 5 && shape[2].GetInt32() > 1))
        {
            Assert.Equal(1, run.ExitCode);
            Assert.Contains("Deepness", run.Error, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(_folder));
            return;
        }

        run.Succeeded();
        Assert.Equal(["d.onnx"], Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)));
        var bare = OnnxModel.Load(Path.Combine(_folder, "d.onnx"));
        Assert.Equal("1000", bare.Metadata["resolution"]);
        bare.Metadata.Remove(ModelManifest.MetadataKey);
        bare.Save(Path.Combine(_folder, "bare.onnx"));
        var bands = shape.EnumerateArray().ElementAt(1).GetInt32();
        var size = new PixelSize(75, 70);
        GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), new RasterProfile { Size = size, BandCount = bands, Type = RasterType.UInt16, Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10), Projection = "EPSG:32633" },
            Enumerable.Range(0, size.Width * size.Height * bands).Select(i => (ushort)(i * 7919L % 3000)).ToArray());
        (await Eoonnx.RunAsync(_folder, "infer", "scene.tif", "--model", "bare.onnx", "--out", "map.tif", "--input-check", "off")).Succeeded();
        using var map = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
        Assert.Equal(size, map.Size);
    }

    private static string[] Heads(string @case) => GoldenTasks.Heads(@case) is { } heads ? ["--heads", $"{heads}"] : [];

    [Fact]
    public async Task Weights_that_are_no_task_are_refused_and_nothing_is_written()
    {
        var path = Path.Combine(_folder, "x.ckpt");
        await File.WriteAllTextAsync(path, "no checkpoint", TestContext.Current.CancellationToken);
        var run = await Eoonnx.RunAsync(_folder, "export", "terratorch", path, "--out", "t.onnx");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is not a checkpoint", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "t.onnx")));
    }
}
