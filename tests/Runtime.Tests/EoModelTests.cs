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
}
