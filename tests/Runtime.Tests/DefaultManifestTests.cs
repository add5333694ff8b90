using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Runtime.Tests;

/// <summary>Models made for QGIS Deepness, of each kind that it knows, get the manifest that lets them run here.</summary>
public sealed class DefaultManifestTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-manifest-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Without_statistics_values_are_divided_by_255_as_Deepness_does()
    {
        var manifest = Load([("logits", Map(2))], ("model_type", "\"Segmentor\""), ("class_names", """{"0":"sea","1":"land"}"""));
        Assert.All(manifest.Bands, band => Assert.Equal((0.0, 255.0), (band.Mean, band.StandardDeviation)));
        Assert.Equal((ModelTask.Segmentation, "softmax"), (manifest.Task, manifest.Activation));
    }

    [Fact]
    public void A_model_without_any_key_takes_values_as_they_are() =>
        Assert.All(Load([("logits", Map(2))]).Bands, band => Assert.Equal((0.0, 1.0), (band.Mean, band.StandardDeviation)));

    [Fact]
    public void A_sigmoid_with_one_name_gets_the_background_in_front_and_its_threshold()
    {
        var manifest = Load([("logits", Map(1))], ("model_type", "\"Segmentor\""), ("class_names", """{"0":"roof"}"""), ("seg_thresh", "0.35"));
        Assert.Equal(("sigmoid", 0.35), (manifest.Activation, manifest.Threshold));
        Assert.Equal([(0, "background"), (1, "roof")], manifest.Classes.Select(item => (item.Id, item.Name)));
    }

    [Fact]
    public void A_map_without_a_channel_axis_is_one_channel()
    {
        var manifest = Load([("logits", (op, x) => op.Sigmoid(op.ReduceMean(x, false, 1)))], ("model_type", "\"Segmentor\""), ("class_names", """{"0":"roof"}"""));
        Assert.Equal((ModelTask.Segmentation, "sigmoid"), (manifest.Task, manifest.Activation));
        Assert.Equal(ModelTask.Regression, Load([("logits", (op, x) => op.ReduceMean(x, false, 1))], ("model_type", "\"Regressor\"")).Task);
    }

    [Fact]
    public void Several_outputs_are_several_heads_with_names_from_a_list()
    {
        var manifest = Load([("use", Map(2)), ("roofs", Map(1))], ("model_type", "\"Segmentor\""), ("class_names", """[{"0":"sea","1":"land"},{"0":"roof"}]"""));
        Assert.Equal(["use: sea, land", "roofs: background, roof"], manifest.Heads.Select(head => $"{head.Output}: {string.Join(", ", head.Classes.Select(item => item.Name))}"));
        Assert.Equal(["sea", "land"], manifest.Classes.Select(item => item.Name));
    }

    [Fact]
    public void A_list_of_names_for_another_number_of_outputs_is_refused_with_both_numbers()
    {
        var message = Assert.Throws<FileFormatException>(() => Load([("logits", Map(2))], ("class_names", """[{"0":"a"},{"0":"b"},{"0":"c"}]"""))).Message;
        Assert.Contains("3 outputs; the graph has 1", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_names_of_one_output_may_be_a_list_of_one() =>
        Assert.Equal(["sea", "land"], Load([("logits", Map(2))], ("class_names", """[{"1":"land","0":"sea"}]""")).Classes.Select(item => item.Name));

    [Theory, InlineData("\"Regressor\""), InlineData("Regressor"), InlineData("\"regressor\"")]
    public void A_regression_has_the_scale_of_its_output(string type)
    {
        var manifest = Load([("height", Map(1)), ("age", Map(1))], ("model_type", type), ("reg_output_scaling", "0.5"));
        Assert.Equal((ModelTask.Regression, 0.5, "none"), (manifest.Task, manifest.OutputScale, manifest.Activation));
        Assert.Equal(["height", "age"], manifest.Heads.Select(head => head.Output));
        Assert.Empty(manifest.Classes);
    }

    [Fact]
    public void A_larger_output_is_super_resolution()
    {
        var manifest = Load([("out", (op, x) => op.Resize(x, 32, 32, "linear"))], ("model_type", "\"Superresolution\""));
        Assert.Equal((ModelTask.Regression, 2), (manifest.Task, manifest.Upsampling));
    }

    [Fact]
    public void A_smaller_output_is_the_middle_of_the_tile()
    {
        var manifest = Load([("out", (op, x) => op.Softmax(op.Slice(op.Slice(x, 2, 4, 12), 3, 4, 12), 1))], ("model_type", "\"Segmentor\""), ("tiles_overlap", "50"));
        Assert.Equal((ModelTask.Segmentation, 1, 8), (manifest.Task, manifest.Upsampling, manifest.Overlap));
    }

    [Theory, InlineData("\"Detector\""), InlineData("\"Recognition\"")]
    public void Kinds_that_make_no_map_are_features(string type) => Assert.Equal(ModelTask.Features, Load([("logits", Map(2))], ("model_type", type)).Task);

    [Fact]
    public void A_fixed_batch_is_taken_as_well_as_a_free_one()
    {
        var path = TestModels.Save(_folder, "fixed", 3, 16, (op, x) => op.Softmax(x, 1), batch: 2);
        using var model = EoModel.Load(path);
        Assert.Equal((2L, 16), (model.Input.Shape[0], model.Manifest.Tile));
    }

    [Theory, InlineData("resolution", "wide"), InlineData("class_names", "{sea}"), InlineData("standardization_mean", "7"), InlineData("seg_thresh", "[1]")]
    public void A_key_that_cannot_be_read_names_the_file(string key, string value) =>
        Assert.Contains("model.onnx", Assert.Throws<FileFormatException>(() => Load([("logits", Map(2))], ("model_type", "\"Segmentor\""), (key, value))).Message, StringComparison.Ordinal);

    private static Func<GraphBuilder, Value, Value> Map(int channels) => (op, x) =>
    {
        var scores = op.Slice(x, 1, 0, channels);
        return channels == 1 ? op.Sigmoid(scores) : op.Softmax(scores, 1);
    };

    private ModelManifest Load((string Name, Func<GraphBuilder, Value, Value> Build)[] outputs, params (string Key, string Value)[] metadata)
    {
        var op = new GraphBuilder("foreign");
        var image = op.Input("image", ElementType.Float, ["batch", 3, 16, 16]);
        foreach (var (name, build) in outputs)
        {
            op.Output(build(op, image), name);
        }

        var model = new OnnxModel(op.Graph);
        foreach (var (key, value) in metadata)
        {
            model.Metadata[key] = value;
        }

        var path = Path.Combine(_folder, "model.onnx");
        model.Save(path);
        using var loaded = EoModel.Load(path);
        return loaded.Manifest;
    }
}
