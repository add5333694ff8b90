using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>What QGIS Deepness maps with a written file, by the file's own keys, is the map that this runtime makes of the model itself.</summary>
[Collection(OpenHandles.Name)]
public sealed class DeepnessExportTests : IDisposable
{
    private const int Tile = 16;
    private static readonly SceneOptions AsDeepness = new() { Edge = EdgeMode.Zero, Blend = BlendMode.None, InputCheck = InputCheck.Off };
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-deepness-export-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(45, 33, null, "none", new[] { 3, 2 })]
    [InlineData(45, 33, null, "none", new[] { 1, 1 })]
    [InlineData(45, 33, null, "none", new[] { 4, 1, 3 })]
    [InlineData(33, 61, 0.45, "none", new[] { 3, 1 })]
    [InlineData(16, 40, null, "softmax", new[] { 3, 2 })]
    [InlineData(33, 20, null, "sigmoid", new[] { 1, 1 })]
    public async Task Every_head_of_a_segmentation(int width, int height, double? threshold, string activation, int[] channels)
    {
        var scene = Scene(width, height);
        var heads = channels.Select((count, head) => new ManifestHead($"head {head}", [.. Enumerable.Range(0, Math.Max(2, count)).Select(id => new ManifestClass(id, $"{head}.{id}"))])).ToList();
        var written = Write(Manifest(ModelTask.Segmentation) with { Heads = heads, Threshold = threshold, Activation = activation, Overlap = 4 }, (op, image) => channels.Index().Select(head =>
        {
            var scores = Neighbours(op, image, head.Item, head.Index);
            return activation == "softmax" ? op.Softmax(scores, 1) : activation == "sigmoid" ? op.Sigmoid(scores) : scores;
        }));
        var limit = float.Parse(written.Keys["seg_thresh"], CultureInfo.InvariantCulture);
        var names = JsonSerializer.Deserialize<Dictionary<string, string>[]>(written.Keys["class_names"])!;
        using var ours = EoModel.Load(Source);
        using var theirs = EoModel.Load(written.Path);
        var expected = Simulation(theirs, written).Segment(scene.Pixels, scene.Dataset.Size, limit);
        Assert.Equal(channels.Length, expected.Length);
        Assert.Equal(channels.Length, names.Length);
        for (var head = 0; head < channels.Length; head++)
        {
            Assert.Equal(heads[head].Classes.TakeLast(names[head].Count).Select(item => item.Name), names[head].OrderBy(item => int.Parse(item.Key, CultureInfo.InvariantCulture)).Select(item => item.Value));
            var map = await new ScenePipeline(ours).MapAsync(scene.Dataset, AsDeepness with { Output = $"head {head}" });
            Assert.Equal(expected[head], map.Pixels<byte>().ToArray().Select(value => (byte)(value + 1)));
            Assert.True(expected[head].Distinct().Count() > 1, "a map of one class proves nothing");
        }
    }

    [Theory, InlineData(45, 33, 2, 1), InlineData(16, 16, 3, 1), InlineData(9, 40, 2, 250)]
    public async Task A_super_resolution(int width, int height, int factor, double scale)
    {
        var scene = Scene(width, height);
        var written = Write(Manifest(ModelTask.Regression) with { Upsampling = factor, OutputScale = scale }, (op, image) =>
            [op.Mul(op.Sigmoid(op.Resize(Neighbours(op, image, 3, 0), factor * Tile, factor * Tile, "nearest")), 250 / scale)]);
        Assert.Equal("\"Superresolution\"", written.Keys["model_type"]);
        Assert.Contains(written.Remarks, remark => remark.Contains($"say {scale} in its field 'Output scaling'", StringComparison.Ordinal));
        using var ours = EoModel.Load(Source);
        using var theirs = EoModel.Load(written.Path);
        var expected = Simulation(theirs, written).SuperResolve(scene.Pixels, scene.Dataset.Size, factor, (float)scale);
        var found = (await new ScenePipeline(ours).MapAsync(scene.Dataset, AsDeepness with { Overlap = 0 })).Pixels<float>().ToArray();
        Assert.Equal(expected.Length, found.Length);
        // A value next to a whole number may fall on the other side by the last bits.
        Assert.All(expected.Zip(found), pair => Assert.True(pair.First == (byte)pair.Second || pair.First == (byte)(pair.Second + 1e-3f) || pair.First == (byte)(pair.Second - 1e-3f), $"{pair.First} became {pair.Second}"));
    }

    [Fact]
    public void Outputs_that_are_no_maps_are_left_out_and_named()
    {
        var written = Write(Manifest(ModelTask.Segmentation), (op, image) => [Neighbours(op, image, 2, 0), op.ReduceMean(image, false, 2, 3)]);
        Assert.Contains(written.Remarks, remark => remark.Contains("Left out, since Deepness takes every output for a map: head 1.", StringComparison.Ordinal));
        using var model = EoModel.Load(written.Path);
        Assert.Equal(["head 0"], model.Outputs.Select(output => output.Name));
    }

    private string Source => Path.Combine(_folder, "ours.onnx");

    private static DeepnessSimulation Simulation(EoModel model, DeepnessFile written)
    {
        var percent = double.Parse(written.Keys["tiles_overlap"], CultureInfo.InvariantCulture);
        return new DeepnessSimulation(model, Tile, (int)(Tile * percent / 100 * 2) / 2) { Mean = Numbers(written, "standardization_mean"), Deviation = Numbers(written, "standardization_std") };
    }

    private static float[] Numbers(DeepnessFile written, string key) => JsonSerializer.Deserialize<float[]>(written.Keys[key])!;

    private static ModelManifest Manifest(ModelTask task) => new()
    {
        Name = "ours", Family = "test", Task = task, Tile = Tile, GroundResolutionMetres = 10, Bands = [new("band 1", 104.55, 51), new("band 2", 127.5, 63.75), new("band 3", 153, 76.5)],
    };

    private static Value Neighbours(GraphBuilder op, Value image, int channels, int variant)
    {
        var weights = op.Initializer($"w{variant}", TensorData.FromValues<float>([channels, 3, 5, 5], [.. Enumerable.Range(0, channels * 75).Select(i => MathF.Sin((1.3f * i) + 0.4f + variant))]));
        return op.Conv(image, weights, null, [1, 1], [2, 2, 2, 2]);
    }

    private DeepnessFile Write(ModelManifest manifest, Func<GraphBuilder, Value, IEnumerable<Value>> outputs)
    {
        var op = new GraphBuilder("ours");
        foreach (var (head, output) in outputs(op, op.Input("image", ElementType.Float, ["batch", 3, Tile, Tile])).Index())
        {
            op.Output(output, $"head {head}");
        }

        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = manifest.ToJson();
        model.Save(Source);
        var written = DeepnessFile.Write(Source, Path.Combine(_folder, "theirs.onnx"));
        Assert.Empty(DeepnessRules.Check(OnnxModel.Load(written.Path)));
        return written;
    }

    private (RasterDataset Dataset, byte[] Pixels) Scene(int width, int height)
    {
        var pixels = new byte[3 * width * height];
        new Random(width + (1000 * height)).NextBytes(pixels);
        var path = Path.Combine(_folder, "scene.tif");
        GeoTiffWriter.Write<byte>(path, TestScenes.Profile(width, height, 3, RasterType.Byte) with { BandNames = ["band 1", "band 2", "band 3"] }, pixels);
        return (RasterDataset.Open(path), pixels);
    }
}
