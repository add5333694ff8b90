using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary>A model whose images are not square goes the whole way: export, adapter, evaluation, map, embedding, plan.</summary>
public sealed class OblongTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-oblong-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static readonly string[] Bands = ["B02", "B03", "B04", "B08", "B11", "B12"];

    [Fact]
    public async Task Export_train_evaluate_merge_map_and_embed()
    {
        foreach (var folder in new[] { "images", "labels" })
        {
            Directory.CreateDirectory(Path.Combine(_folder, "data", folder));
        }

        for (var chip = 0; chip < 8; chip++)
        {
            Write($"data/images/{chip}.tif", 80, 40, Bands, (band, x, y) => Bright(chip, x, y) ? 3000 + (100 * band) : 1000 + (10 * x));
            Write($"data/labels/{chip}.tif", 80, 40, ["class"], (_, x, y) => Bright(chip, x, y) ? 1 : 0);
        }

        Write("scene.tif", 150, 90, Bands, (band, x, y) => Bright(3, x, y) ? 3000 + (100 * band) : 1000 + (10 * x));
        (await Eoonnx.RunAsync(_folder, "export", "dofa", "--random", "--size", "tiny", "--bands", string.Join(',', Bands), "--tile", "32", "--tile-width", "64", "--layers", "0,1", "--out", "encoder.onnx")).Succeeded();
        (await Eoonnx.RunAsync(_folder, "train-adapter", "--model", "encoder.onnx", "--data", "data", "--classes", "dark,bright", "--batch", "4", "--seed", "3", "--threads", "1",
            "--decoder", "fcn", "--rank", "2", "--epochs", "1", "--out", "run")).Succeeded();
        var evaluation = (await Eoonnx.RunAsync(_folder, "evaluate", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--data", "data", "--classes", "dark,bright", "--json")).Succeeded();
        using var evaluated = JsonDocument.Parse(evaluation.Output);
        Assert.InRange(evaluated.RootElement.GetProperty("metrics").GetProperty("mIoU").GetDouble(), 0, 1);
        (await Eoonnx.RunAsync(_folder, "merge", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--out", "merged.onnx")).Succeeded();

        var scene = Path.Combine(_folder, "scene.tif");
        (await Eoonnx.RunAsync(_folder, "infer", scene, "--model", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--overlap", "16", "--out", "map.tif")).Succeeded();
        (await Eoonnx.RunAsync(_folder, "infer", scene, "--model", "merged.onnx", "--overlap", "16", "--tta", "flips", "--out", "merged.tif")).Succeeded();
        using (var source = RasterDataset.Open(scene))
        {
            using var map = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
            Assert.Equal((source.Size, source.Transform), (map.Size, map.Transform));
            Assert.Equal("64x32", map.FindMetadata("EOONNX_TILE"));
        }

        using (var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "map.report.json"))))
        {
            var plan = report.RootElement.GetProperty("plan");
            Assert.Equal((64, 32, 16), (plan.GetProperty("tile").GetInt32(), plan.GetProperty("tileHeight").GetInt32(), plan.GetProperty("overlap").GetInt32()));
            Assert.Equal(report.RootElement.GetProperty("pixels").GetProperty("total").GetInt64(), report.RootElement.GetProperty("pixels").GetProperty("predicted").GetInt64());
        }

        (await Eoonnx.RunAsync(_folder, "embed", scene, "--model", "encoder.onnx", "--out", "embedding.tif")).Succeeded();
        var manifest = EoOnnx.Onnx.OnnxModel.Load(Path.Combine(_folder, "encoder.onnx")).Metadata[ModelManifest.MetadataKey];
        var patch = ModelManifest.Parse(manifest).Patch!.Value;
        using (var source = RasterDataset.Open(scene))
        {
            using var embedding = RasterDataset.Open(Path.Combine(_folder, "embedding.tif"));
            Assert.Equal(new PixelSize((source.Size.Width + patch - 1) / patch, (source.Size.Height + patch - 1) / patch), embedding.Size);
        }

        var doctor = (await Eoonnx.RunAsync(_folder, "doctor", "--plan", scene, "--model", "merged.onnx")).Succeeded();
        Assert.Contains("64 x 32", doctor.Output + doctor.Error, StringComparison.Ordinal);
        var refused = await Eoonnx.RunAsync(_folder, "infer", scene, "--model", "merged.onnx", "--tta", "d4", "--out", "turned.tif");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--tta flips", refused.Error, StringComparison.Ordinal);
    }

    private static bool Bright(int seed, int x, int y) => ((x / 12) + (y / 9) + seed) % 3 == 0;

    private void Write(string name, int width, int height, string[] bands, Func<int, int, int, int> value) => GeoTiffWriter.Write<ushort>(
        Path.Combine(_folder, name),
        new RasterProfile { Size = new PixelSize(width, height), BandCount = bands.Length, Type = RasterType.UInt16, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10), BandNames = bands },
        [.. Enumerable.Range(0, bands.Length * width * height).Select(i => (ushort)value(i / (width * height), i % width, i / width % height))]);
}
