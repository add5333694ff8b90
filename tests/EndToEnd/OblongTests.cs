using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary>A model whose images are not square goes the whole way: export, adapter, evaluation, map, embedding, plan.</summary>
public sealed class OblongTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-oblong-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("dofa", "tiny", "--wavelengths", "0.49,0.56,0.665,0.842,1.61,2.19")]
    [InlineData("vit", "tiny", "--bands", "B02,B03,B04,B08,B11,B12")]
    public async Task Export_train_evaluate_merge_map_and_embed(string family, string size, string option, string bands)
    {
        (await Eoonnx.RunAsync(_folder, "demo", "--out", "demo", "--size", "192")).Succeeded();
        (await Eoonnx.RunAsync(_folder, "export", family, "--random", "--size", size, option, bands, "--tile", "32", "--tile-width", "64", "--layers", "0,1", "--out", "encoder.onnx")).Succeeded();
        (await Eoonnx.RunAsync(_folder, "train-adapter", "--model", "encoder.onnx", "--data", "demo/train", "--classes", "unburned,burned", "--batch", "4", "--seed", "3", "--threads", "1",
            "--decoder", "fcn", "--rank", "2", "--epochs", "1", "--out", "run")).Succeeded();
        var evaluation = (await Eoonnx.RunAsync(_folder, "evaluate", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--data", "demo/train", "--classes", "unburned,burned", "--json")).Succeeded();
        using var evaluated = JsonDocument.Parse(evaluation.Output);
        Assert.InRange(evaluated.RootElement.GetProperty("metrics").GetProperty("mIoU").GetDouble(), 0, 1);
        (await Eoonnx.RunAsync(_folder, "merge", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--out", "merged.onnx")).Succeeded();

        var scene = Directory.EnumerateFiles(Path.Combine(_folder, "demo"), "scene_b*.tif", SearchOption.AllDirectories).First();
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
}
