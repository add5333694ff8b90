using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Adapters;

namespace EoOnnx.Training.Tests.Adapters;

public sealed class EncoderSharingTests : IDisposable
{
    private const int Tile = 32, Bands = 3, Width = 8;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-sharing-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(false), InlineData(true)]
    public async Task Maps_with_a_shared_encoder_are_byte_for_byte_those_of_separate_runs(bool deterministic)
    {
        using var model = EoModel.Load(WriteModel());
        using var first = model.LoadAdapter(WriteAdapter("first", "head", seed: 1));
        using var second = model.LoadAdapter(WriteAdapter("second", "head", seed: 2));
        using var third = model.LoadAdapter(WriteAdapter("third", "head", seed: 3));
        using var scene = WriteScene(150, 110);
        EoAdapter[] adapters = [first, second, third];
        using var encoder = EncoderSharing.Prepare(model, adapters);
        Assert.NotNull(encoder);
        Assert.InRange(encoder.Share, 0.5, 1);
        var options = new SceneOptions { Batch = 4, Content = MapContent.Probability, Deterministic = deterministic };
        var reports = await new ScenePipeline(model).RunAsync(scene, [.. adapters.Select((adapter, i) => new SceneOutput(Map($"shared{i}"), adapter))], options with { SharedEncoder = encoder });
        foreach (var (i, adapter) in adapters.Index())
        {
            await new ScenePipeline(model).RunAsync(scene, Map($"alone{i}"), options with { Adapter = adapter });
            Assert.Equal(File.ReadAllBytes(Map($"alone{i}")), File.ReadAllBytes(Map($"shared{i}")));
            Assert.DoesNotContain(reports[i].Warnings, warning => warning.Contains("last bits", StringComparison.Ordinal));
        }

        Assert.NotEqual(File.ReadAllBytes(Map("shared0")), File.ReadAllBytes(Map("shared1")));
    }

    [Fact]
    public void Adapters_that_touch_the_first_layer_and_single_ones_share_nothing()
    {
        using var model = EoModel.Load(WriteModel());
        using var early = model.LoadAdapter(WriteAdapter("early", "stem", seed: 1));
        using var late = model.LoadAdapter(WriteAdapter("late", "head", seed: 2));
        Assert.Null(EncoderSharing.Prepare(model, [early, late]));
        Assert.Null(EncoderSharing.Prepare(model, [late]));
    }

    private string Map(string name) => Path.Combine(_folder, name + ".tif");

    // A stem with a LoRA pair, a body, and a head with another: pairs that an adapter leaves out keep their default.
    private string WriteModel()
    {
        var builder = new GraphBuilder("task");
        var random = new Random(4);
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", Bands, Tile, Tile));
        var stem = Adapted("stem", image, Bands, Width);
        var body = builder.Relu(builder.Conv(builder.Relu(stem), Weight("body", [Width, Width, 3, 3]), null, [1, 1], [1, 1, 1, 1]));
        builder.Output(Adapted("head", body, Width, 2), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "task", Family = "test", Task = ModelTask.Segmentation, Tile = Tile, Bands = [.. Enumerable.Range(1, Bands).Select(i => new ManifestBand($"B{i:00}"))], Classes = [new ManifestClass(0, "a"), new ManifestClass(1, "b")],
        }.ToJson();
        var path = Path.Combine(_folder, "model.onnx");
        model.Save(path);
        return path;

        Value Adapted(string name, Value x, int from, int to)
        {
            var low = builder.Conv(x, builder.OverridableInput($"{name}.lora_A.weight", TensorData.FromValues<float>([2, from, 1, 1], new float[2 * from])), null, [1, 1], [0, 0, 0, 0]);
            var update = builder.Conv(low, builder.OverridableInput($"{name}.lora_B.weight", TensorData.FromValues<float>([to, 2, 1, 1], new float[2 * to])), null, [1, 1], [0, 0, 0, 0]);
            return builder.Add(builder.Conv(x, Weight(name, [to, from, 1, 1]), null, [1, 1], [0, 0, 0, 0]), update);
        }

        Value Weight(string name, long[] shape) => builder.Initializer(name, TensorData.FromValues<float>(shape, [.. Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(_ => random.NextSingle() - 0.5f)]));
    }

    private string WriteAdapter(string name, string layer, int seed)
    {
        var random = new Random(seed);
        var (from, to) = layer == "stem" ? (Bands, Width) : (Width, 2);
        var path = Path.Combine(_folder, name + ".safetensors");
        SafetensorsFile.Write(path,
        [
            KeyValuePair.Create($"{layer}.lora_A.weight", TensorData.FromValues<float>([2, from, 1, 1], [.. Enumerable.Range(0, 2 * from).Select(_ => random.NextSingle() - 0.5f)])),
            KeyValuePair.Create($"{layer}.lora_B.weight", TensorData.FromValues<float>([to, 2, 1, 1], [.. Enumerable.Range(0, 2 * to).Select(_ => random.NextSingle() - 0.5f)])),
        ], new Dictionary<string, string> { [AdapterMetadata.Version] = "1" });
        return path;
    }

    private RasterDataset WriteScene(int width, int height)
    {
        var random = new Random(9);
        var path = Path.Combine(_folder, "scene.tif");
        GeoTiffWriter.Write<float>(path, new RasterProfile { Size = new PixelSize(width, height), BandCount = Bands, Type = RasterType.Float32, Projection = "EPSG:32633", Transform = new GeoTransform(0, 10, 0, 0, 0, -10) },
            [.. Enumerable.Range(0, Bands * width * height).Select(_ => (random.NextSingle() * 4) - 2)]);
        return RasterDataset.Open(path);
    }
}
