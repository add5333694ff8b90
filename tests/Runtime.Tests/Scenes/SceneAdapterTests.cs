using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class SceneAdapterTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-adapted-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_adapter_changes_the_map_brings_its_classes_and_stands_in_the_tags()
    {
        var manifest = TestModels.Manifest(ModelTask.Segmentation, 1, Tile);
        using var model = EoModel.Load(TestModels.Save(_folder, "base", 1, Tile, (op, x) =>
            op.Concat(1, op.Mul(x, 0), op.Add(x, op.OverridableInput("head.bias", TensorData.FromValues<float>([1], [0f])))), manifest));
        var file = Path.Combine(_folder, "shifted.safetensors");
        SafetensorsFile.Write(file, [KeyValuePair.Create("head.bias", TensorData.FromValues<float>([1], [-5f]))], new Dictionary<string, string>
        {
            [AdapterMetadata.Manifest] = (manifest with { Classes = [new ManifestClass(0, "calm"), new ManifestClass(4, "storm")] }).ToJson(),
        });
        using var adapter = model.LoadAdapter(file);
        var pixels = Enumerable.Range(0, 40 * 30).Select(i => (float)(i % 11)).ToArray();
        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", 40, 30, 1, pixels));
        var output = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, output, new SceneOptions { Adapter = adapter, Overlap = 4 });
        Assert.Equal(pixels.Select(v => v > 5 ? (byte)4 : (byte)0), TestScenes.Read<byte>(output));
        using var map = RasterDataset.Open(output);
        Assert.Equal(("storm", "shifted.safetensors"), (map.Bands[0].CategoryNames[4], map.Metadata["EOONNX_ADAPTER"]));
        Assert.Equal(64, map.Metadata["EOONNX_ADAPTER_SHA256"].Length);
        Assert.Equal(file, report.Adapter);
    }
}
