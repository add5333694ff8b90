using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>
/// Models as they are made for QGIS Deepness — the signatures of the plugin's own test models — give the maps of its arithmetic, without
/// conversion. Source: Deepness 0.6.5, processing/models and processing/map_processor; test/data/dummy_model.
/// </summary>
[Collection(OpenHandles.Name)]
public sealed class ForeignModelTests : IDisposable
{
    private const int Tile = 16, Width = 45, Height = 33;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-foreign-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(null), InlineData(1L), InlineData(3L)]
    public async Task A_softmax_over_classes_follows_threshold_and_division_by_255(long? batch)
    {
        using var model = Load(batch, [("output", (op, x) => op.Softmax(op.Mul(x, 9), 1))], ("model_type", "\"Segmentor\""), ("class_names", """{"0":"a","1":"b","2":"c"}"""), ("seg_thresh", "0.6"), ("tiles_overlap", "20"));
        var map = await Map(model);
        Assert.Equal(Expected(pixel =>
        {
            // Below the threshold a probability becomes 0; the first of the largest wins.
            var exponents = pixel.Select(value => MathF.Exp(9 * value)).ToArray();
            var probabilities = exponents.Select(value => value / exponents.Sum() is var p && p < 0.6f ? 0 : p).ToArray();
            return (byte)Array.IndexOf(probabilities, probabilities.Max());
        }), map.Pixels<byte>().ToArray());
        Assert.Equal(3, map.Report.Classes.Count(item => item.Pixels > 0));
    }

    [Theory, InlineData(true, null), InlineData(true, "0.7"), InlineData(false, "0.3")]
    public async Task A_sigmoid_with_or_without_an_axis_of_channels_is_cut_at_the_threshold(bool hasAxis, string? threshold)
    {
        (string, string)[] keys = [("model_type", "\"Segmentor\""), ("class_names", """[{"0":"Coffee"}]"""), .. threshold is null ? [] : new[] { ("seg_thresh", threshold) }];
        // One of the plugin's models takes any batch and reshapes its answer to a batch of one.
        using var model = Load(null, [("output", (op, x) => Sigmoid(op, x, 0) is var p && hasAxis ? p : op.Reshape(p, 1, Tile, Tile))], keys);
        var map = await Map(model);
        var cut = float.Parse(threshold ?? "0.5", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(Expected(pixel => (byte)(Sigmoid(pixel[0]) >= cut ? 1 : 0)), map.Pixels<byte>().ToArray());
        Assert.Equal(["background", "Coffee"], map.Profile.CategoryNames);
    }

    [Theory, InlineData("softmax"), InlineData("sigmoid"), InlineData("flat sigmoid")]
    public async Task Several_outputs_make_a_map_each_in_one_run(string kind)
    {
        (string, Func<GraphBuilder, Value, Value>)[] outputs = kind switch
        {
            "softmax" => [("output", (op, x) => op.Softmax(op.Slice(x, 1, 0, 2), 1)), ("output2", (op, x) => op.Softmax(op.Slice(x, 1, 1, 3), 1))],
            "sigmoid" => [("output", (op, x) => Sigmoid(op, x, 0)), ("output2", (op, x) => Sigmoid(op, x, 1))],
            _ => [("output", (op, x) => op.Reshape(Sigmoid(op, x, 0), 1, Tile, Tile)), ("output2", (op, x) => op.Reshape(Sigmoid(op, x, 1), 1, Tile, Tile))],
        };
        var names = kind == "softmax" ? """[{"0":"Coffee","1":"Tea"},{"0":"Juice","1":"Beer"}]""" : """[{"0":"Coffee"},{"0":"Juice"}]""";
        using var model = Load(null, outputs, ("model_type", "\"Segmentor\""), ("class_names", names), ("seg_thresh", "0.5"));
        Assert.Equal(["output", "output2"], model.MapOutputs);
        using var scene = Scene();
        var maps = SceneOutput.For(Path.Combine(_folder, "map-{output}.tif"), [], model.MapOutputs);
        var pipeline = new ScenePipeline(model);
        var reports = await pipeline.RunAsync(scene, maps, new SceneOptions { Batch = 3 });
        Assert.Equal(["map-output.tif", "map-output2.tif"], reports.Select(report => Path.GetFileName(report.Map)));
        Assert.Equal(kind == "softmax" ? ["Juice", "Beer"] : ["background", "Juice"], reports[1].Classes.Select(item => item.Name));
        for (var i = 0; i < 2; i++)
        {
            var channel = i;
            var expected = Expected(pixel => (byte)((kind == "softmax" ? pixel[channel + 1] > pixel[channel] : Sigmoid(pixel[channel]) >= 0.5f) ? 1 : 0));
            Assert.Equal(expected, TestScenes.Read<byte>(maps[i].Path));
            var alone = Path.Combine(_folder, "alone.tif");
            var single = await pipeline.RunAsync(scene, alone, new SceneOptions { Batch = 3, Output = maps[i].Output, Overwrite = true });
            Assert.Equal(File.ReadAllBytes(alone), File.ReadAllBytes(maps[i].Path));
            Assert.Empty(single.Notes);
        }

        var unsaid = await pipeline.RunAsync(scene, Path.Combine(_folder, "unsaid.tif"));
        Assert.Contains("output, output2", Assert.Single(unsaid.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_regression_is_scaled_and_its_outputs_are_maps_of_values()
    {
        using var model = Load(1, [("index", Vegetation), ("red", (op, x) => op.Slice(x, 1, 0, 1))], ("model_type", "\"Regressor\""), ("reg_output_scaling", "1.1"), ("tiles_overlap", "11"));
        using var scene = Scene();
        var maps = SceneOutput.For(_folder + Path.DirectorySeparatorChar, [], model.MapOutputs);
        await new ScenePipeline(model).RunAsync(scene, maps, new SceneOptions { Blend = BlendMode.None });
        Assert.Equal(["index.tif", "red.tif"], maps.Select(map => Path.GetFileName(map.Path)));
        Assert.Equal(Expected(pixel => 1.1f * pixel[0]), TestScenes.Read<float>(maps[1].Path), (a, b) => MathF.Abs(a - b) < 1e-5f);
        Assert.Equal(Expected(pixel => 1.1f * ((2 * pixel[1]) - pixel[0] - pixel[2]) / ((2 * pixel[1]) + pixel[0] + pixel[2])), TestScenes.Read<float>(maps[0].Path), (a, b) => MathF.Abs(a - b) < 1e-4f);
    }

    [Fact]
    public async Task Super_resolution_keeps_all_channels_on_a_finer_grid()
    {
        using var model = Load(1, [("12", (op, x) => op.Resize(x, 2 * Tile, 2 * Tile, "nearest"))], ("model_type", "\"Superresolution\""));
        using var scene = Scene();
        var map = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Blend = BlendMode.None });
        Assert.Equal((new PixelSize(2 * Width, 2 * Height), 3), (map.Profile.Size, map.Profile.BandCount));
        Assert.Equal(scene.Transform!.Value.Moved(0, 0, 0.5), map.Profile.Transform);
        for (var band = 0; band < 3; band++)
        {
            var coarse = Expected(pixel => pixel[band]);
            Assert.Equal(Enumerable.Range(0, 4 * Width * Height).Select(i => coarse[(i / (2 * Width) / 2 * Width) + (i % (2 * Width) / 2)]), map.Band<float>(band + 1).ToArray(), (a, b) => MathF.Abs(a - b) < 1e-6f);
        }
    }

    [Fact]
    public async Task A_smaller_output_is_the_middle_and_statistics_follow_the_division()
    {
        // Means and deviations of which no two whole numbers make equal scores: these would be decided by the last bit.
        var kernel = TensorData.FromValues<float>([2, 3, 5, 5], [.. Enumerable.Range(0, 150).Select(i => i % 25 == 12 ? (i / 25 is 0 or 4 ? 1f : 0.2f) : 0f)]);
        using var model = Load(1, [("output", (op, x) => op.Sigmoid(op.Conv(x, op.Initializer("w", kernel), null, [1, 1], [0, 0, 0, 0])))], ("model_type", "\"Segmentor\""), ("seg_thresh", "0.2"),
            ("standardization_mean", "[0.41,0.5,0.6]"), ("standardization_std", "[0.2,0.25,0.3]"));
        var map = await Map(model);
        Assert.Equal(Expected(pixel =>
        {
            var (r, g, b) = ((pixel[0] - 0.41f) / 0.2f, (pixel[1] - 0.5f) / 0.25f, (pixel[2] - 0.6f) / 0.3f);
            var (first, second) = (Logistic(r + (0.2f * g) + (0.2f * b)), Logistic((0.2f * r) + g + (0.2f * b)));
            (first, second) = (first < 0.2f ? 0 : first, second < 0.2f ? 0 : second);
            return (byte)(second > first ? 1 : 0);
        }), map.Pixels<byte>().ToArray());
    }

    [Fact]
    public async Task A_model_without_keys_is_taken_as_Deepness_does_on_request()
    {
        var path = TestModels.Save(_folder, "bare", 3, Tile, (op, x) => op.Mul(op.Mul(x, x), op.Mul(x, x)));
        using var bare = EoModel.Load(path);
        using var asDeepness = EoModel.Load(path, new EoModelOptions { Deepness = true });
        Assert.Equal((1.0, "none", 255.0, "softmax"), (bare.Manifest.Bands[0].StandardDeviation, bare.Manifest.Activation, asDeepness.Manifest.Bands[0].StandardDeviation, asDeepness.Manifest.Activation));
        Assert.Equal(Expected(pixel =>
        {
            var scores = pixel.Select(value => MathF.Pow(value, 4) is var p && p < 0.5f ? 0 : p).ToArray();
            return (byte)Array.IndexOf(scores, scores.Max());
        }), (await Map(asDeepness)).Pixels<byte>().ToArray());
    }

    [Theory, InlineData(DeepnessKind.Regressor), InlineData(DeepnessKind.Superresolution)]
    public async Task A_model_without_keys_is_of_the_kind_that_is_asked_for(DeepnessKind kind)
    {
        var path = TestModels.Save(_folder, "bare", 3, Tile, (op, x) => op.Mul(x, x));
        using var model = EoModel.Load(path, new EoModelOptions { Deepness = true, DeepnessKind = kind });
        Assert.Equal((ModelTask.Regression, "none", 255.0), (model.Manifest.Task, model.Manifest.Activation, model.Manifest.Bands[0].StandardDeviation));
        var map = await Map(model);
        Assert.Equal(3, map.Profile.BandCount);
        for (var band = 0; band < 3; band++)
        {
            Assert.Equal(Expected(pixel => pixel[band] * pixel[band]), map.Band<float>(band + 1).ToArray(), (a, b) => MathF.Abs(a - b) < 1e-6f);
        }
    }

    [Fact]
    public void One_channel_without_keys_is_a_class_when_a_segmentor_is_asked_for()
    {
        var path = TestModels.Save(_folder, "bare", 3, Tile, (op, x) => Sigmoid(op, x, 0));
        using var guessed = EoModel.Load(path, new EoModelOptions { Deepness = true });
        using var asked = EoModel.Load(path, new EoModelOptions { DeepnessKind = DeepnessKind.Segmentor });
        Assert.Equal((ModelTask.Regression, ModelTask.Segmentation), (guessed.Manifest.Task, asked.Manifest.Task));
        Assert.Equal(("sigmoid", 0.5), (asked.Manifest.Activation, asked.Manifest.Threshold));
    }

    [Fact]
    public void A_kind_that_the_file_contradicts_is_refused()
    {
        Load(1, [("output", (op, x) => op.Softmax(x, 1))], ("model_type", "\"Segmentor\"")).Dispose();
        var path = Path.Combine(_folder, "foreign.onnx");
        var message = Assert.Throws<ModelException>(() => EoModel.Load(path, new EoModelOptions { DeepnessKind = DeepnessKind.Regressor })).Message;
        Assert.Contains("Segmentor", message, StringComparison.Ordinal);
        Assert.Contains("Regressor was asked for", message, StringComparison.Ordinal);
        using var agreed = EoModel.Load(path, new EoModelOptions { DeepnessKind = DeepnessKind.Segmentor });
        Assert.Equal(ModelTask.Segmentation, agreed.Manifest.Task);
    }

    [Theory, InlineData("9", 9), InlineData("4", 5), InlineData("7.5", 7), InlineData("1", 1), InlineData("0", 1), InlineData("1000", 99)]
    public async Task Small_segments_go_by_the_median_of_the_whole_map_and_the_input_is_not_suspected(string size, int window)
    {
        using var model = Load(null, [("output", (op, x) => op.Softmax(x, 1))], ("model_type", "\"Segmentor\""), ("class_names", """{"0":"a","1":"b","2":"c"}"""), ("seg_thresh", "0.3"), ("seg_small_segment", size));
        var map = await Map(model);
        var classes = Expected(pixel => (byte)Array.IndexOf(pixel, pixel.Max()));
        Assert.Equal(Blurred(classes, window), map.Pixels<byte>().ToArray());
        Assert.Equal(window > 1 ? [$"Classes are the median of {window} x {window} pixels, as the model asks for; --median 0 leaves them as they are."] : [], map.Report.Notes);
        Assert.Empty(map.Report.Warnings);
    }

    [Theory, InlineData("\"Detector\"", "boxes"), InlineData("Recognition", "look alike")]
    public async Task Kinds_that_make_no_map_are_refused_in_words(string kind, string words)
    {
        using var model = Load(null, [("output", (op, x) => op.ReduceMean(x, false, 1))], ("model_type", kind));
        var refusal = await Assert.ThrowsAsync<ModelException>(() => Map(model));
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Segmentor, Regressor and Superresolution", refusal.Message, StringComparison.Ordinal);
    }

    // cv2.medianBlur of an image whose edge pixels repeat.
    private static byte[] Blurred(byte[] image, int window) => [.. Enumerable.Range(0, image.Length).Select(i =>
        Enumerable.Range(0, window * window).Select(j => image[(Math.Clamp((i / Width) + (j / window) - (window / 2), 0, Height - 1) * Width) + Math.Clamp((i % Width) + (j % window) - (window / 2), 0, Width - 1)])
            .Order().ElementAt(window * window / 2))];

    private static float Sigmoid(float value) => Logistic((6 * value) - 3);

    private static float Logistic(float value) => 1 / (1 + MathF.Exp(-value));

    private static Value Sigmoid(GraphBuilder op, Value image, long channel) => op.Sigmoid(op.Add(op.Mul(op.Slice(image, 1, channel, channel + 1), 6), -3));

    private static Value Vegetation(GraphBuilder op, Value image)
    {
        var (red, green, blue) = (op.Slice(image, 1, 0, 1), op.Mul(op.Slice(image, 1, 1, 2), 2), op.Slice(image, 1, 2, 3));
        return op.Div(op.Sub(op.Sub(green, red), blue), op.Add(op.Add(green, red), blue));
    }

    private static byte Stored(int band, int pixel) => (byte)(1 + ((pixel * (37 + (12 * band))) + (band * 91) + (pixel / Width * 13)) % 251);

    // Deepness divides by 255; what a pixel becomes depends on itself only.
    private static T[] Expected<T>(Func<float[], T> of) => [.. Enumerable.Range(0, Width * Height).Select(i => of([Stored(0, i) / 255f, Stored(1, i) / 255f, Stored(2, i) / 255f]))];

    private RasterDataset Scene()
    {
        var path = Path.Combine(_folder, "scene.tif");
        if (!File.Exists(path))
        {
            var pixels = Enumerable.Range(0, 3 * Width * Height).Select(i => Stored(i / (Width * Height), i % (Width * Height))).ToArray();
            GeoTiffWriter.Write<byte>(path, TestScenes.Profile(Width, Height, 3, RasterType.Byte) with { BandNames = ["band 1", "band 2", "band 3"] }, pixels);
        }

        return RasterDataset.Open(path);
    }

    private async Task<SceneMap> Map(EoModel model)
    {
        using var scene = Scene();
        return await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Blend = BlendMode.None });
    }

    private EoModel Load(long? batch, (string Name, Func<GraphBuilder, Value, Value> Build)[] outputs, params (string Key, string Value)[] metadata)
    {
        var op = new GraphBuilder("foreign");
        var image = op.Input("input", ElementType.Float, [batch is { } count ? count : (Dim)"batch_size", 3, Tile, Tile]);
        foreach (var (name, build) in outputs)
        {
            op.Output(build(op, image), name);
        }

        var model = new OnnxModel(op.Graph);
        foreach (var (key, value) in metadata)
        {
            model.Metadata[key] = value;
        }

        var path = Path.Combine(_folder, "foreign.onnx");
        model.Save(path);
        return EoModel.Load(path);
    }
}
