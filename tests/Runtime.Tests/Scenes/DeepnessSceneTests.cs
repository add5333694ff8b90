using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>With <c>--edge zero --blend none</c>, models for QGIS Deepness give its maps pixel by pixel, edges of tiles and of the scene included.</summary>
[Collection(OpenHandles.Name)]
public sealed class DeepnessSceneTests : IDisposable
{
    private const int Tile = 16;
    private static readonly SceneOptions AsDeepness = new() { Edge = EdgeMode.Zero, Blend = BlendMode.None, InputCheck = InputCheck.Off };
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-deepness-scene-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<int, int, int> Sizes => new()
    {
        { 45, 33, 20 }, { 45, 33, 0 }, { 16, 16, 10 }, { 17, 90, 50 }, { 9, 40, 13 }, { 64, 48, 25 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public async Task A_softmax(int width, int height, int percent)
    {
        var scene = Scene(width, height);
        await SegmentsAsync(scene, percent, "0.4", null, 1, ("output", (op, x) => op.Softmax(Neighbours(op, x, 3), 1)));
        await SegmentsAsync(scene, percent, "0.4", 1, 1, ("output", (op, x) => op.Softmax(Neighbours(op, x, 2), 1)));
    }

    [Theory, MemberData(nameof(Sizes))]
    public async Task A_sigmoid_with_and_without_an_axis_of_channels(int width, int height, int percent)
    {
        var scene = Scene(width, height);
        await SegmentsAsync(scene, percent, "0.55", null, 1, ("output", (op, x) => op.Sigmoid(Neighbours(op, x, 1))));
        await SegmentsAsync(scene, percent, "0.3", 1, 1, ("output", (op, x) => op.Reshape(op.Sigmoid(Neighbours(op, x, 1)), 1, Tile, Tile)));
    }

    [Theory, MemberData(nameof(Sizes))]
    public async Task Several_outputs(int width, int height, int percent)
    {
        var scene = Scene(width, height);
        await SegmentsAsync(scene, percent, "0.4", null, 2, ("first", (op, x) => op.Softmax(Neighbours(op, x, 3), 1)), ("second", (op, x) => op.Softmax(op.Mul(Neighbours(op, x, 2, 1), -1), 1)));
        await SegmentsAsync(scene, percent, "0.5", null, 3, ("first", (op, x) => op.Sigmoid(Neighbours(op, x, 1))), ("second", (op, x) => op.Sigmoid(op.Mul(Neighbours(op, x, 1, 2), -2))));
    }

    [Fact]
    public async Task A_fixed_batch() =>
        // Twelve tiles: Deepness has no answer for a last batch that is not full.
        await SegmentsAsync(Scene(45, 33), 20, "0.4", 3, 3, ("output", (op, x) => op.Softmax(Neighbours(op, x, 3), 1)));

    [Theory, InlineData(45, 33, 25, 2), InlineData(45, 33, 40, 2), InlineData(33, 61, 50, 2), InlineData(16, 16, 30, 2), InlineData(20, 15, 50, 4)]
    public async Task A_smaller_output_leaves_the_rim_without_a_class(int width, int height, int percent, int border)
    {
        var (found, expected) = await SegmentsAsync(Scene(width, height), percent, "0.4", null, 1, ("output", (op, x) =>
            op.Slice(op.Slice(op.Softmax(Neighbours(op, x, 3), 1), 2, border, Tile - border), 3, border, Tile - border)));
        Assert.Contains((byte)0, expected[0]);
        Assert.Equal(expected[0].Count(value => value == 0), found.Report.Pixels.NoData);
    }

    [Theory, InlineData(45, 33, 20, 5, 0), InlineData(17, 90, 50, 9, 0), InlineData(9, 40, 13, 3, 0), InlineData(45, 33, 40, 5, 2), InlineData(16, 16, 30, 6, 2)]
    public async Task A_median_sees_what_tiles_say_beyond_the_edge(int width, int height, int percent, int median, int border)
    {
        var scene = Scene(width, height);
        (string, Func<GraphBuilder, Value, Value>) output = ("output", (op, x) => op.Softmax(Neighbours(op, x, 3), 1) is var scores && border == 0 ? scores
            : op.Slice(op.Slice(scores, 2, border, Tile - border), 3, border, Tile - border));
        var (found, expected) = await SegmentsAsync(scene, percent, "0.4", null, 1, median, output);
        Assert.Equal(expected[0].Count(value => value > 0), found.Report.Pixels.Predicted);
        Assert.Equal(expected[0].Count(value => value == 1), found.Report.Classes[0].Pixels);
        using var model = EoModel.Load(Path.Combine(_folder, "foreign.onnx"));
        var file = Path.Combine(_folder, "map.tif");
        await new ScenePipeline(model).RunAsync(scene.Dataset, file, AsDeepness with { Median = median, PanelTiles = 2 });
        Assert.Equal(found.Pixels<byte>().ToArray(), TestScenes.Read<byte>(file));
    }

    [Theory, MemberData(nameof(Sizes))]
    public async Task A_regression_to_the_whole_numbers_that_its_canvas_holds(int width, int height, int percent)
    {
        var scene = Scene(width, height);
        using var model = Load(null, [("first", (op, x) => op.Sigmoid(Neighbours(op, x, 1))), ("second", (op, x) => op.Reshape(op.Sigmoid(Neighbours(op, x, 1, 1)), -1, Tile, Tile))],
            ("model_type", "\"Regressor\""), ("reg_output_scaling", "200"), ("tiles_overlap", $"{percent}"));
        var expected = Simulation(model, percent).Regress(scene.Pixels, scene.Dataset.Size, 200);
        for (var output = 0; output < 2; output++)
        {
            var map = await new ScenePipeline(model).MapAsync(scene.Dataset, AsDeepness with { Output = model.Outputs[output].Name });
            AssertAlmostEqual(expected[output], map.Pixels<float>());
        }
    }

    [Theory, InlineData(45, 33), InlineData(16, 16), InlineData(9, 40)]
    public async Task Super_resolution_of_tiles_that_share_nothing(int width, int height)
    {
        var scene = Scene(width, height);
        using var model = Load(1, [("output", (op, x) => op.Mul(op.Sigmoid(op.Resize(Neighbours(op, x, 3), 2 * Tile, 2 * Tile, "nearest")), 250))], ("model_type", "\"Superresolution\""), ("tiles_overlap", "0"));
        var map = await new ScenePipeline(model).MapAsync(scene.Dataset, AsDeepness);
        Assert.Equal(new PixelSize(2 * width, 2 * height), map.Profile.Size);
        AssertAlmostEqual(Simulation(model, 0).SuperResolve(scene.Pixels, scene.Dataset.Size, 2), map.Pixels<float>());
    }

    private async Task<(SceneMap Map, byte[][] Expected)> SegmentsAsync((RasterDataset Dataset, byte[] Pixels) scene, int percent, string threshold, long? fixedBatch, int batch, params (string, Func<GraphBuilder, Value, Value>)[] outputs) =>
        await SegmentsAsync(scene, percent, threshold, fixedBatch, batch, 0, outputs);

    private async Task<(SceneMap Map, byte[][] Expected)> SegmentsAsync((RasterDataset Dataset, byte[] Pixels) scene, int percent, string threshold, long? fixedBatch, int batch, int median, params (string, Func<GraphBuilder, Value, Value>)[] outputs)
    {
        using var model = Load(fixedBatch, outputs, ("model_type", "\"Segmentor\""), ("seg_thresh", threshold), ("tiles_overlap", $"{percent}"),
            ("standardization_mean", "[0.41,0.5,0.6]"), ("standardization_std", "[0.2,0.25,0.3]"));
        var limit = float.Parse(threshold, System.Globalization.CultureInfo.InvariantCulture);
        var expected = new DeepnessSimulation(model, Tile, Overlap(percent), batch) { Mean = [0.41f, 0.5f, 0.6f], Deviation = [0.2f, 0.25f, 0.3f] }.Segment(scene.Pixels, scene.Dataset.Size, limit, median);
        SceneMap? map = null;
        for (var output = 0; output < outputs.Length; output++)
        {
            map = await new ScenePipeline(model).MapAsync(scene.Dataset, AsDeepness with { Output = outputs[output].Item1, Batch = 5, Median = median });
            Assert.Equal(expected[output], map.Pixels<byte>().ToArray().Select(value => (byte)(value == 255 ? 0 : value + 1)));
            Assert.True(expected[output].Distinct().Count() > 1, "a map of one class proves nothing");
        }

        return (map!, expected);
    }

    private static DeepnessSimulation Simulation(EoModel model, int percent) => new(model, Tile, Overlap(percent));

    // Odd where it comes out so.
    private static int Overlap(int percent) => (int)((double)Tile * percent / 100 * 2) / 2;

    // Scores that depend on the neighbours of a pixel, so that what lies behind an edge shows.
    private static Value Neighbours(GraphBuilder op, Value image, int channels, int variant = 0)
    {
        var weights = op.Initializer($"w{channels}.{variant}", TensorData.FromValues<float>([channels, 3, 5, 5], [.. Enumerable.Range(0, channels * 75).Select(i => MathF.Sin((1.3f * i) + 0.4f + variant))]));
        return op.Conv(image, weights, null, [1, 1], [2, 2, 2, 2]);
    }

    // A value next to a whole number may fall on the other side by the last bit.
    private static void AssertAlmostEqual(byte[] expected, ReadOnlySpan<float> found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i] == (byte)found[i] || expected[i] == (byte)(found[i] + 1e-3f) || expected[i] == (byte)(found[i] - 1e-3f), $"pixel {i}: {expected[i]} became {found[i]}");
        }
    }

    private (RasterDataset Dataset, byte[] Pixels) Scene(int width, int height)
    {
        var random = new Random(width + (1000 * height));
        var pixels = new byte[3 * width * height];
        random.NextBytes(pixels);
        var path = Path.Combine(_folder, "scene.tif");
        GeoTiffWriter.Write<byte>(path, TestScenes.Profile(width, height, 3, RasterType.Byte) with { BandNames = ["band 1", "band 2", "band 3"] }, pixels);
        return (RasterDataset.Open(path), pixels);
    }

    private EoModel Load(long? batch, (string Name, Func<GraphBuilder, Value, Value> Build)[] outputs, params (string Key, string Value)[] metadata)
    {
        var builder = new GraphBuilder("foreign");
        var image = builder.Input("input", ElementType.Float, new TensorShape(batch is { } count ? count : (Dim)"batch", 3, Tile, Tile));
        foreach (var (name, build) in outputs)
        {
            builder.Output(build(builder, image), name);
        }

        var model = new OnnxModel(builder.Graph);
        foreach (var (key, value) in metadata)
        {
            model.Metadata[key] = value;
        }

        var path = Path.Combine(_folder, "foreign.onnx");
        model.Save(path);
        return EoModel.Load(path);
    }
}
