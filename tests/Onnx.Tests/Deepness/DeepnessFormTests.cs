using EoOnnx.Formats;

namespace EoOnnx.Onnx.Tests.Deepness;

public class DeepnessFormTests
{
    [Fact]
    public void The_keys_are_json_in_the_units_of_Deepness()
    {
        var written = DeepnessForm.Write(Model());
        Assert.Equal("\"Segmentor\"", written.Metadata["model_type"]);
        Assert.Equal("""{"0":"background","1":"burned"}""", written.Metadata["class_names"]);
        Assert.Equal("1000", written.Metadata["resolution"]);
        Assert.Equal(("16", "16", "25"), (written.Metadata["tile_size"], written.Metadata["tiles_size"], written.Metadata["tiles_overlap"]));
        Assert.Equal(("0", "0"), (written.Metadata["seg_thresh"], written.Metadata["seg_small_segment"]));
        // mean = (μ − b) / 255a, deviation = σ / 255a with a = 0.0001, b = −0.1, μ = 0.2 and 0.3, σ = 0.05 and 0.06.
        Assert.Equal([11.764705882352942, 15.686274509803924], Numbers(written.Metadata["standardization_mean"]), new Within(1e-12));
        Assert.Equal([1.9607843137254903, 2.3529411764705883], Numbers(written.Metadata["standardization_std"]), new Within(1e-12));
        Assert.Equal((17L, 8L), (written.Opsets[""], written.IrVersion));
        Assert.Equal("softmax", ModelManifest.Parse(written.Metadata[ModelManifest.MetadataKey]).Activation);
        var model = Model();
        model.Metadata[ModelManifest.MetadataKey] = (ModelManifest.Parse(model.Metadata[ModelManifest.MetadataKey]) with { Median = 7 }).ToJson();
        Assert.Equal("7", DeepnessForm.Write(model).Metadata["seg_small_segment"]);
    }

    [Theory, InlineData(1, "Sigmoid", "0.5", """{"0":"burned"}"""), InlineData(2, "Softmax", "0", """{"0":"background","1":"burned"}""")]
    public void A_segmentation_ends_in_probabilities(int channels, string last, string threshold, string classes)
    {
        var written = DeepnessForm.Write(Model(channels: channels));
        Assert.Equal(last, Assert.Single(written.Graph.Outputs).Producer!.OpType);
        Assert.Equal("logits", written.Graph.Outputs[0].Name);
        Assert.Equal((threshold, classes), (written.Metadata["seg_thresh"], written.Metadata["class_names"]));
        Assert.Equal(last, DeepnessForm.Write(written).Graph.Outputs[0].Producer!.OpType);   // once more changes nothing
    }

    [Fact]
    public void A_regression_has_its_scaling()
    {
        var written = DeepnessForm.Write(Model(ModelTask.Regression, channels: 1), new DeepnessOptions { OutputScaling = 2.5 });
        Assert.Equal(("\"Regressor\"", "2.5"), (written.Metadata["model_type"], written.Metadata["reg_output_scaling"]));
        Assert.DoesNotContain("class_names", written.Metadata.Keys);
    }

    [Fact]
    public void The_values_of_a_regression_are_scaled_to_its_unit_first()
    {
        var model = With(Model(ModelTask.Regression, channels: 1), manifest => manifest with { OutputScale = 4 });
        Assert.Equal("10", DeepnessForm.Write(model, new DeepnessOptions { OutputScaling = 2.5 }).Metadata["reg_output_scaling"]);
    }

    [Theory, InlineData(16), InlineData(64), InlineData(224)]
    public void A_manifest_without_an_overlap_gets_that_of_the_tile_in_whole_percent(int tile)
    {
        var written = DeepnessForm.Write(With(Model(size: "size", tile: tile), manifest => manifest with { Overlap = null }));
        Assert.Equal($"{Math.Round(100 * 2 * Math.Ceiling(tile / 14.0) / tile)}", written.Metadata["tiles_overlap"]);
    }

    [Fact]
    public void The_middles_of_tiles_meet_whatever_the_manifest_asks_for()
    {
        var model = With(Model(ModelTask.Regression, channels: 1), manifest => manifest with { Overlap = 0 });
        var (op, output) = (new GraphBuilder(model.Graph), model.Graph.Outputs[0]);
        model.Graph.SetOutputs();
        op.Output(op.Slice(op.Slice(output, 2, 2, 14), 3, 2, 14), "middle");
        Assert.Equal("25", DeepnessForm.Write(model).Metadata["tiles_overlap"]);
    }

    [Fact]
    public void Every_head_is_an_output_with_classes_of_its_own()
    {
        var written = DeepnessForm.Write(Heads(null, 3, 2));
        Assert.Equal(["head 0", "head 1"], written.Graph.Outputs.Select(output => output.Name));
        Assert.All(written.Graph.Outputs, output => Assert.Equal("Softmax", output.Producer!.OpType));
        Assert.Equal("""[{"0":"0.0","1":"0.1","2":"0.2"},{"0":"1.0","1":"1.1"}]""", written.Metadata["class_names"]);
        Assert.Equal("0", written.Metadata["seg_thresh"]);
        Assert.Empty(DeepnessRules.Check(DeepnessForm.Write(written)));   // once more changes nothing
        Assert.Contains("makes one map", DeepnessRules.GeoDeepRemark(written)!, StringComparison.Ordinal);
    }

    [Theory, InlineData(null, "Softmax", "0", """[{"0":"0.0","1":"0.1","2":"0.2"},{"0":"1.0","1":"1.1"}]"""), InlineData(0.4, "Sigmoid", "0.4", """[{"0":"0.0","1":"0.1","2":"0.2"},{"0":"1.1"}]""")]
    public void A_sigmoid_beside_a_softmax_becomes_two_classes_unless_one_threshold_suits_both(double? threshold, string last, string written, string classes)
    {
        var file = DeepnessForm.Write(Heads(threshold, 3, 1));
        Assert.Equal(["Softmax", last], file.Graph.Outputs.Select(output => output.Producer!.OpType));
        Assert.Equal((written, classes), (file.Metadata["seg_thresh"], file.Metadata["class_names"]));
    }

    [Fact]
    public void A_head_that_the_graph_lacks_and_names_for_one_map_of_two_are_named()
    {
        Assert.Contains("names a map 'head 7'", Refusal(With(Heads(null, 2, 2), manifest => manifest with { Heads = [manifest.Heads[0], manifest.Heads[1] with { Output = "head 7" }] })), StringComparison.Ordinal);
        var written = DeepnessForm.Write(Heads(null, 2, 2));
        written.Metadata["class_names"] = """{"0":"a","1":"b"}""";
        Assert.Contains(DeepnessRules.Check(written), rule => rule.Contains("classes of 0 maps; 2, as a list", StringComparison.Ordinal));
    }

    [Theory, InlineData(2), InlineData(3)]
    public void A_regression_on_a_finer_grid_is_a_super_resolution_whose_tiles_share_nothing(int factor)
    {
        var model = Model(ModelTask.Regression, channels: 3);
        var (op, output) = (new GraphBuilder(model.Graph), model.Graph.Outputs[0]);
        model.Graph.SetOutputs();
        op.Output(op.Resize(output, 16 * factor, 16 * factor, "nearest"), "fine");
        var written = DeepnessForm.Write(model);
        Assert.Equal(("\"Superresolution\"", "16", "0"), (written.Metadata["model_type"], written.Metadata["tile_size"], written.Metadata["tiles_overlap"]));
        Assert.Equal($"[batch, 3, {16 * factor}, {16 * factor}]", Assert.Single(written.Graph.Outputs).Shape!.ToString());
        written.Metadata["tiles_overlap"] = "10";
        Assert.Contains(DeepnessRules.Check(written), rule => rule.Contains("must not overlap", StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_of_any_size_is_fixed_to_the_tile()
    {
        var written = DeepnessForm.Write(Model(size: "size"), new DeepnessOptions { Tile = 32, GroundResolutionMetres = 0.25 });
        Assert.Equal("[batch, 2, 32, 32]", written.Graph.Inputs[0].Shape!.ToString());
        Assert.Equal("[batch, 2, 32, 32]", written.Graph.Outputs[0].Shape!.ToString());
        Assert.Equal(("32", "25"), (written.Metadata["tile_size"], written.Metadata["resolution"]));
        Assert.Contains("--tile", Refusal(Model(size: "size", tile: null)), StringComparison.Ordinal);
        Assert.Contains("square", Refusal(Model(), new DeepnessOptions { Tile = 8 }), StringComparison.Ordinal);
    }

    [Fact]
    public void An_axis_of_one_time_step_is_added_inside_and_several_are_refused()
    {
        var written = DeepnessForm.Write(Model(frames: 1));
        Assert.Equal("[batch, 2, 16, 16]", written.Graph.Inputs[0].Shape!.ToString());
        Assert.Equal("image", written.Graph.Inputs[0].Name);
        Assert.Contains("3 time steps", Refusal(Model(frames: 3)), StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_with_a_default_become_constants_and_others_are_refused()
    {
        var model = Model(adapter: true);
        Assert.Single(DeepnessForm.Write(model).Graph.Inputs);
        Assert.Equal(2, model.Graph.Inputs.Count);
        new GraphBuilder(model.Graph).Input("month", ElementType.Float, ["batch", 1]);
        Assert.Contains("month", Refusal(model), StringComparison.Ordinal);
    }

    [Fact]
    public void An_encoder_and_a_model_without_manifest_are_refused_with_the_next_step()
    {
        Assert.Contains("eoonnx train-adapter", Refusal(Model(ModelTask.Features)), StringComparison.Ordinal);
        var bare = Model();
        bare.Metadata.Clear();
        Assert.Contains("eoonnx export", Refusal(bare), StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> Breaks() => new()
    {
        { "model_type", "\"Painter\"", "model_type" },
        { "class_names", "[{\"0\":\"a\"}]", "class_names" },
        { "class_names", "{\"0\":\"a\"}", "0 to 1" },
        { "class_names", "{not json", "class_names is not JSON" },
        { "standardization_mean", "[1]", "standardization_mean has 1 numbers" },
        { "resolution", "-3", "centimetres" },
        { "tiles_overlap", "12.5", "tiles_overlap" },
        { "tile_size", "32", "tile_size is not the graph's size, 16" },
        { "tiles_size", "\"16\"", "tiles_size is not the graph's size, 16" },
        { "standardization_std", "[1,0]", "not positive" },
        { "seg_thresh", "1.5", "no probability" },
        { "seg_small_segment", "2.5", "whole number from 0 to 99" },
        { "reg_output_scaling", "0", "other than 0" },
    };

    [Theory, MemberData(nameof(Breaks))]
    public void A_broken_rule_is_named(string key, string value, string expected)
    {
        var written = DeepnessForm.Write(Model());
        Assert.Empty(DeepnessRules.Check(written));
        written.Metadata[key] = value;
        Assert.Contains(DeepnessRules.Check(written), rule => rule.Contains(expected, StringComparison.Ordinal));
    }

    [Theory, InlineData(2, "a square with an even border"), InlineData(20, "a square with an even border"), InlineData(-1, "does not run over the classes")]
    public void An_output_that_Deepness_puts_elsewhere_is_named(int extent, string expected)
    {
        var isSoftmax = extent < 0;
        var written = DeepnessForm.Write(Model(isSoftmax ? ModelTask.Segmentation : ModelTask.Regression));
        var (op, output) = (new GraphBuilder(written.Graph), written.Graph.Outputs[0]);
        written.Graph.SetOutputs();
        op.Output(isSoftmax ? op.Softmax(output, 3) : extent < 16 ? op.Slice(output, 3, 0, 16 - extent) : op.Resize(output, extent, extent, "nearest"), "moved");
        Assert.Contains(DeepnessRules.Check(written), rule => rule.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_of_a_newer_opset_with_raw_scores_breaks_several_rules_and_all_are_named()
    {
        var message = Assert.Throws<OnnxGraphException>(() => DeepnessRules.ThrowIfBroken(Model(size: "size", adapter: true))).Message;
        Assert.All(["opset is 20", "IR version is 9", "overridable", "square size must be fixed", "model_type"], word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_of_several_modalities_is_refused_with_all_the_reasons_and_what_maps_it()
    {
        var op = new GraphBuilder("two sensors");
        var (optical, radar) = (op.Input("S2L2A", ElementType.Float, ["batch", 2, 16, 16]), op.Input("S1GRD", ElementType.Float, ["batch", 2, 16, 16]));
        op.Output(op.Add(optical, radar), "logits");
        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "two sensors", Family = "test", Task = ModelTask.Segmentation, Tile = 16, Bands = [new("B04"), new("B08")],
            Modalities = [new("S2L2A", "S2L2A", "image", [new("B04"), new("B08")]), new("S1GRD", "S1GRD", "image", [new("VV"), new("VH")]), new("DEM", null, "image", [])],
        }.ToJson();
        Assert.All(["two sensors takes 2 modalities at once (S2L2A, S1GRD)", "one raster layer", "one input", "no constant", "eoonnx infer", "--modality NAME=SOURCE", "one image modality"], words =>
            Assert.Contains(words, Refusal(model), StringComparison.Ordinal));
    }

    [Fact]
    public void GeoDeep_takes_three_bands_of_eight_bits_only() => Assert.Contains("3 bands", DeepnessRules.GeoDeepRemark(DeepnessForm.Write(Model()))!, StringComparison.Ordinal);

    private static string Refusal(OnnxModel model, DeepnessOptions? options = null) => Assert.Throws<OnnxGraphException>(() => DeepnessForm.Write(model, options)).Message;

    private static double[] Numbers(string json) => System.Text.Json.JsonSerializer.Deserialize<double[]>(json)!;

    private static OnnxModel Model(ModelTask task = ModelTask.Segmentation, int channels = 2, Dim? size = null, int? tile = 16, int? frames = null, bool adapter = false)
    {
        var op = new GraphBuilder("burn scars");
        var extent = size ?? 16;
        var x = op.Input("image", ElementType.Float, frames is { } count ? ["batch", 2, count, extent, extent] : ["batch", 2, extent, extent]);
        var flat = frames is null ? x : op.ReduceMean(x, false, 2);
        var kernel = op.Initializer("kernel", TensorData.FromValues<float>([channels, 2, 3, 3], [.. Enumerable.Range(0, channels * 18).Select(i => MathF.Sin(i))]));
        var scores = op.Gelu(op.Conv(flat, kernel, null, [1, 1], [1, 1, 1, 1]));
        op.Output(adapter ? op.Mul(scores, op.OverridableInput("scale", TensorData.FromValues<float>([1], [2]))) : scores, "logits");
        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "burn scars", Family = "test", Task = task, Tile = tile, Overlap = 4, GroundResolutionMetres = 10, ValueScale = 1e-4, ValueOffset = -0.1, Frames = frames ?? 1,
            Bands = [new ManifestBand("B04", 0.2, 0.05), new ManifestBand("B08", 0.3, 0.06)],
            Classes = task == ModelTask.Segmentation ? [new ManifestClass(0, "background"), new ManifestClass(1, "burned")] : [],
        }.ToJson();
        return model;
    }

    private static OnnxModel With(OnnxModel model, Func<ModelManifest, ModelManifest> change)
    {
        model.Metadata[ModelManifest.MetadataKey] = change(ModelManifest.Parse(model.Metadata[ModelManifest.MetadataKey])).ToJson();
        return model;
    }

    // A map for each number of channels.
    private static OnnxModel Heads(double? threshold, params int[] channels)
    {
        var op = new GraphBuilder("two questions");
        var image = op.Input("image", ElementType.Float, ["batch", 2, 16, 16]);
        foreach (var (head, count) in channels.Index())
        {
            var kernel = op.Initializer($"kernel {head}", TensorData.FromValues<float>([count, 2, 3, 3], [.. Enumerable.Range(0, count * 18).Select(i => MathF.Sin(i + head))]));
            op.Output(op.Conv(image, kernel, null, [1, 1], [1, 1, 1, 1]), $"head {head}");
        }

        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "two questions", Family = "test", Task = ModelTask.Segmentation, Tile = 16, Threshold = threshold, Bands = [new("B04", 0.2, 0.05), new("B08", 0.3, 0.06)],
            Heads = [.. channels.Select((count, head) => new ManifestHead($"head {head}", [.. Enumerable.Range(0, Math.Max(2, count)).Select(id => new ManifestClass(id, $"{head}.{id}"))]))],
        }.ToJson();
        return model;
    }

    private sealed class Within(double tolerance) : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) <= tolerance * Math.Abs(y);

        public int GetHashCode(double obj) => 0;
    }
}
