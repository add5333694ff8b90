using EoOnnx.Formats;

namespace EoOnnx.Runtime.Tests;

public sealed class EoModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-model-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_batch_is_run_from_and_into_the_callers_memory()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "double", 2, 4, (op, x) => op.Mul(x, 2), TestModels.Manifest(ModelTask.Regression, 2, 4)));
        var images = Enumerable.Range(0, 3 * 2 * 16).Select(i => (float)i).ToArray();
        var result = new float[images.Length];
        model.Run(images, [3, 2, 4, 4], "logits", result, [3, 2, 4, 4]);
        Assert.Equal(images.Select(v => 2 * v), result);
        Assert.Equal([1, 2, 4, 4], model.OutputShape("logits", [1, 2, 4, 4]));
        Assert.Equal(ModelTask.Regression, model.Manifest.Task);
        Assert.Equal(Device.Cpu, model.Device);
    }

    [Fact]
    public void Many_threads_may_run_one_model_at_the_same_time()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "square", 1, 8, (op, x) => op.Mul(x, x)));
        Parallel.For(0, 64, i =>
        {
            var image = new float[64];
            Array.Fill(image, i);
            var result = model.Run(image, [1, 1, 8, 8], ["logits"])[0];
            Assert.All(result.AsSpan<float>().ToArray(), v => Assert.Equal(i * i, v));
        });
    }

    [Fact]
    public void A_model_of_another_maker_gets_its_manifest_from_the_graph_and_the_keys_of_Deepness()
    {
        var path = TestModels.Save(_folder, "deepness", 3, 16, (op, x) => op.Softmax(op.Conv(x, op.Initializer("w", TensorData.FromValues<float>([2, 3, 1, 1], new float[6])), null, [1, 1], [0, 0, 0, 0]), 1));
        var model = EoOnnx.Onnx.OnnxModel.Load(path);
        foreach (var (key, value) in new Dictionary<string, string>
        {
            ["model_type"] = "\"Segmentor\"", ["class_names"] = "{\"0\":\"sea\",\"1\":\"land\"}", ["tiles_overlap"] = "25", ["resolution"] = "1000.0",
            ["standardization_mean"] = "[0.5, 1, 2]", ["standardization_std"] = "[0.1, 0.2, 0.4]",
        })
        {
            model.Metadata[key] = value;
        }

        model.Save(path);
        using var loaded = EoModel.Load(path);
        Assert.Equal((ModelTask.Segmentation, "softmax", 16, 4, 10.0), (loaded.Manifest.Task, loaded.Manifest.Activation, loaded.Manifest.Tile, loaded.Manifest.Overlap, loaded.Manifest.GroundResolutionMetres));
        Assert.Equal(["sea", "land"], loaded.Manifest.Classes.Select(c => c.Name));
        Assert.Equal([127.5, 255, 510], loaded.Manifest.Bands.Select(b => b.Mean));
    }

    [Fact]
    public void A_missing_file_names_the_file_and_the_next_step() =>
        Assert.Contains("eoonnx export", Assert.Throws<ModelException>(() => EoModel.Load(Path.Combine(_folder, "none.onnx"))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_no_model_is_refused_with_the_words_of_ONNX_Runtime()
    {
        var path = Path.Combine(_folder, "junk.onnx");
        File.WriteAllText(path, "hello");
        Assert.Contains("ONNX Runtime says", Assert.Throws<ModelException>(() => EoModel.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_of_another_size_is_refused_with_both_shapes()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "fixed", 2, 4, (op, x) => op.Mul(x, 2)));
        var message = Assert.Throws<ModelException>(() => model.Run(new float[3 * 16], [1, 3, 4, 4], ["logits"])).Message;
        Assert.Contains("[1, 3, 4, 4]", message, StringComparison.Ordinal);
        Assert.Contains("image [batch, 2, 4, 4]", message, StringComparison.Ordinal);
    }

    [Theory, InlineData("auto"), InlineData("cpu"), InlineData("cuda:0"), InlineData("cuda:3")]
    public void A_device_is_read_from_what_it_prints(string text) => Assert.Equal(text, Device.Parse(text).ToString());

    [Fact]
    public void Cuda_without_cuda_is_an_error_that_says_what_is_offered()
    {
        Assert.Contains("'gpu'", Assert.Throws<ModelException>(() => Device.Parse("gpu")).Message, StringComparison.Ordinal);
        var path = TestModels.Save(_folder, "m", 1, 4, (op, x) => op.Mul(x, 2));
        var message = Assert.Throws<ModelException>(() => EoModel.Load(path, new EoModelOptions { Device = Device.Cuda(1) })).Message;
        Assert.Contains("cuda:1", message, StringComparison.Ordinal);
        Assert.Contains("--device cpu", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_run_ends_as_cancelled()
    {
        using var model = EoModel.Load(TestModels.Save(_folder, "m", 1, 4, (op, x) => op.Mul(x, 2)));
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => model.Run(new float[16], [1, 1, 4, 4], ["logits"], cancellation: stop.Token));
    }

    [Fact]
    public void A_model_of_several_modalities_takes_its_inputs_by_name()
    {
        using var model = EoModel.Load(SaveModalities(Modalities("S1", "ids")));
        Assert.Equal("S1", model.Input.Name);
        Assert.Equal(["S1", "ids"], model.Inputs.Select(input => input.Name));
        var (image, ids) = (TensorData.FromValues<float>([1, 1, 2, 2], [1, 2, 3, 4]), TensorData.FromValues<long>([1, 2, 2], [10, 20, 30, 40]));
        var sum = model.Run(new Dictionary<string, TensorData> { ["S1"] = image, ["ids"] = ids }, ["sum"])[0];
        Assert.Equal([11, 22, 33, 44], sum.ToSingles());

        Refused("ids was not given", new() { ["S1"] = image });
        Refused("Did you mean 'ids'?", new() { ["S1"] = image, ["ids"] = ids, ["idz"] = ids });
        Refused("Float was given", new() { ["S1"] = image, ["ids"] = image });
        Assert.Contains("several inputs (S1", Assert.Throws<ModelException>(() => model.Run(new float[4], [1, 1, 2, 2], ["sum"])).Message, StringComparison.Ordinal);

        void Refused(string expected, Dictionary<string, TensorData> inputs) =>
            Assert.Contains(expected, Assert.Throws<ModelException>(() => model.Run(inputs, ["sum"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_inputs_that_no_manifest_explains_are_refused()
    {
        var message = Assert.Throws<ModelException>(() => EoModel.Load(SaveModalities(Modalities("S1")))).Message;
        Assert.Contains("S1 [batch, 1, 2, 2]; ids [batch, 2, 2]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_optional_input_is_no_adapter_slot_and_may_be_left_out()
    {
        var manifest = TestModels.Manifest(ModelTask.Regression, 1, 2) with { OptionalInputs = [new ManifestInput("place", "[batch, 1, 1, 1]: added.")] };
        using var model = EoModel.Load(TestModels.Save(_folder, "place", 1, 2, (op, x) => op.Add(op.Add(x, op.OverridableInput("head.bias", TensorData.Scalar(1f))),
            op.OverridableInput("place", TensorData.FromValues<float>([1, 1, 1, 1], [0]), ["place_batch", 1, 1, 1])), manifest));
        Assert.Equal(["head.bias"], model.AdapterSlots.Keys);
        Assert.Equal(["place"], model.OptionalInputs.Select(input => input.Name));
        var image = TensorData.FromValues<float>([2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.Equal([2, 3, 4, 5, 6, 7, 8, 9], model.Run(new Dictionary<string, TensorData> { ["image"] = image }, ["logits"])[0].ToSingles());
        var place = TensorData.FromValues<float>([2, 1, 1, 1], [10, 20]);
        Assert.Equal([12, 13, 14, 15, 26, 27, 28, 29], model.Run(new Dictionary<string, TensorData> { ["image"] = image, ["place"] = place }, ["logits"])[0].ToSingles());
    }

    [Fact]
    public void An_optional_input_that_the_graph_lacks_is_refused_by_name()
    {
        var manifest = TestModels.Manifest(ModelTask.Regression, 1, 2) with { OptionalInputs = [new ManifestInput("date", "[batch]")] };
        var path = TestModels.Save(_folder, "date", 1, 2, (op, x) => op.Mul(x, 2), manifest);
        Assert.Contains("'date'", Assert.Throws<ModelException>(() => EoModel.Load(path)).Message, StringComparison.Ordinal);
    }

    private static ModelManifest Modalities(params string[] inputs) => TestModels.Manifest(ModelTask.Features, 1, 2) with
    {
        Modalities = [.. inputs.Select(input => new ManifestModality(input, input, input == "ids" ? "tokens" : "image", []))],
    };

    /// <summary>S1 [batch, 1, 2, 2] + ids [batch, 2, 2].</summary>
    private string SaveModalities(ModelManifest manifest)
    {
        var op = new EoOnnx.Onnx.GraphBuilder("modalities");
        var image = op.Input("S1", ElementType.Float, ["batch", 1, 2, 2]);
        var ids = op.Input("ids", ElementType.Int64, ["batch", 2, 2]);
        op.Output(op.Add(image, op.Unsqueeze(op.Cast(ids, ElementType.Float), 1)), "sum");
        var model = new EoOnnx.Onnx.OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = manifest.ToJson();
        var path = Path.Combine(_folder, "modalities.onnx");
        model.Save(path);
        return path;
    }
}
