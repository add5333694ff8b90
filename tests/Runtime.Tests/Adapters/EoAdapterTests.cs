using EoOnnx.Formats;

namespace EoOnnx.Runtime.Tests.Adapters;

public sealed class EoAdapterTests : IDisposable
{
    private const int Width = 4;
    private const string NameA = "blocks.0.lora_A.weight";
    private const string NameB = "blocks.0.lora_B.weight";
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-adapter-").FullName;
    private readonly float[] _weight = [.. Enumerable.Range(0, Width * Width).Select(i => 0.1f * (i % 7))];
    private readonly EoModel _model;

    public EoAdapterTests() => _model = EoModel.Load(SaveModel("base-hash"));

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory, InlineData(1, 8.0, false), InlineData(2, 4.0, false), InlineData(3, 6.0, true)]
    public void An_adapter_of_any_rank_equals_the_merged_weight(int rank, double alpha, bool rslora)
    {
        var (a, b) = (Ramp(rank * Width, 1), Ramp(Width * rank, 2));
        using var adapter = _model.LoadAdapter(SaveAdapter("a", a, b, rank, alpha, rslora));
        var merged = Merged(a, b, rank, alpha / (rslora ? Math.Sqrt(rank) : rank));
        AssertClose(Expected(merged, 0.5f), Run(adapter));
        AssertClose(Expected(_weight, 0), Run(null));
    }

    [Fact]
    public void Ten_thousand_swaps_give_the_merged_results_each_time()
    {
        var files = Enumerable.Range(1, 4).Select(rank => SaveAdapter($"rank{rank}", Ramp(rank * Width, rank), Ramp(Width * rank, -rank), rank, 2 * rank)).ToList();
        var adapters = files.Select(_model.LoadAdapter).ToList();
        var expected = adapters.Select(Run).ToList();
        foreach (var (index, rank) in Enumerable.Range(1, 4).Index())
        {
            AssertClose(Expected(Merged(Ramp(rank * Width, rank), Ramp(Width * rank, -rank), rank, 2), 0.5f), expected[index]);   // alpha / r = 2
        }

        for (var swap = 0; swap < 10_000; swap++)
        {
            Assert.Equal(expected[swap % 4], Run(adapters[swap % 4]));
        }

        adapters.ForEach(adapter => adapter.Dispose());
        AssertClose(Expected(_weight, 0), Run(null));
    }

    [Fact]
    public void Runs_with_different_adapters_do_not_disturb_each_other()
    {
        var adapters = Enumerable.Range(1, 3).Select(rank => _model.LoadAdapter(SaveAdapter($"p{rank}", Ramp(rank * Width, rank), Ramp(Width * rank, 3), rank, rank))).ToList();
        var expected = adapters.Select(Run).ToList();
        Parallel.For(0, 300, i => Assert.Equal(expected[i % 3], Run(adapters[i % 3])));
        adapters.ForEach(adapter => adapter.Dispose());
    }

    [Fact]
    public void A_disposed_adapter_is_refused_and_the_defaults_are_used_again()
    {
        var adapter = _model.LoadAdapter(SaveAdapter("a", Ramp(Width, 1), Ramp(Width, 2), 1, 1));
        adapter.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Run(adapter));
        AssertClose(Expected(_weight, 0), Run(null));
    }

    [Fact]
    public void Another_base_is_refused_with_both_hashes()
    {
        using var other = EoModel.Load(SaveModel("another-hash"));
        var message = Assert.Throws<ModelException>(() => other.LoadAdapter(SaveAdapter("a", Ramp(Width, 1), Ramp(Width, 2), 1, 1))).Message;
        Assert.Contains("base-hash", message, StringComparison.Ordinal);
        Assert.Contains("another-hash", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_and_missing_tensors_are_all_listed()
    {
        var path = Save("names", new() { ["blocks.7.lora_A.weight"] = Tensor([1, 4], Ramp(4, 1)), ["blocks.7.lora_B.weight"] = Tensor([4, 1], Ramp(4, 1)) }, 1);
        var message = Assert.Throws<ModelException>(() => _model.LoadAdapter(path)).Message;
        Assert.Contains("no slot for: blocks.7.lora_A.weight, blocks.7.lora_B.weight", message, StringComparison.Ordinal);
        Assert.Contains("lacks tensors that the model needs: head.bias", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Halves_ranks_shapes_and_scales_that_do_not_fit_are_refused_by_name()
    {
        Refused("'blocks.0.lora_A.weight' but not 'blocks.0.lora_B.weight'", new() { [NameA] = Tensor([1, 4], Ramp(4, 1)) });
        Refused("same rank r", new() { [NameA] = Tensor([2, 4], Ramp(8, 1)), [NameB] = Tensor([4, 1], Ramp(4, 1)) });
        Refused("blocks.0.lora_A.weight [lora_r, 4]", new() { [NameA] = Tensor([1, 5], Ramp(5, 1)), [NameB] = Tensor([4, 1], Ramp(4, 1)), ["head.bias"] = Tensor([4], Ramp(4, 0)) });
        var path = Path.Combine(_folder, "noalpha.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, TensorData> { [NameA] = Tensor([1, 4], Ramp(4, 1)), [NameB] = Tensor([4, 1], Ramp(4, 1)) });
        Assert.Contains("alpha", Assert.Throws<ModelException>(() => _model.LoadAdapter(path)).Message, StringComparison.Ordinal);

        void Refused(string part, Dictionary<string, TensorData> tensors) =>
            Assert.Contains(part, Assert.Throws<ModelException>(() => _model.LoadAdapter(Save("bad", tensors, 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_PEFT_folder_and_an_onnx_adapter_give_what_the_safetensors_file_gives()
    {
        var (a, b) = (Ramp(2 * Width, 1), Ramp(Width * 2, 2));
        using var native = _model.LoadAdapter(SaveAdapter("a", a, b, 2, 6));
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "peft")).FullName;
        SafetensorsFile.Write(Path.Combine(folder, "adapter_model.safetensors"), Tensors(a, b, 2));
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":6}");
        using var peft = _model.LoadAdapter(folder);
        var file = Path.Combine(_folder, "a.onnx_adapter");
        new OnnxAdapterFile(new Dictionary<string, TensorData> { [NameA] = Tensor([2, 4], a), [NameB] = Tensor([4, 2], [.. b.Select(v => v * 3)]), ["head.bias"] = Tensor([4], Bias) }).Write(file);
        using var onnx = _model.LoadAdapter(file);
        Assert.Equal(Run(native), Run(peft));
        Assert.Equal(Run(native), Run(onnx));
        Assert.Empty(native.Notes);
        Assert.NotEmpty(onnx.Notes);
    }

    private static float[] Bias => [0.5f, 0.5f, 0.5f, 0.5f];

    private static float[] Ramp(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => ((i * 37) + (seed * 11)) % 13 * 0.05f)];

    private static TensorData Tensor(long[] shape, float[] values) => TensorData.FromValues<float>(shape, values);

    private static Dictionary<string, TensorData> Tensors(float[] a, float[] b, int rank) => new()
    {
        [AdapterMetadata.PeftPrefix + NameA] = Tensor([rank, Width], a), [AdapterMetadata.PeftPrefix + NameB] = Tensor([Width, rank], b), ["head.bias"] = Tensor([4], Bias),
    };

    private static float[] Image { get; } = Ramp(Width * Width, 5);

    /// <summary>y = x·(W + scale·(B·A)ᵀ) + bias over the last axis, in the graph as x·W + (x·Aᵀ)·Bᵀ + bias.</summary>
    private string SaveModel(string hash) => TestModels.Save(_folder, "lora-" + hash, 1, Width, (op, x) =>
    {
        var a = op.OverridableInput(NameA, Tensor([0, Width], []), ["lora_r", Width]);
        var b = op.OverridableInput(NameB, Tensor([Width, 0], []), [Width, "lora_r"]);
        var bias = op.OverridableInput("head.bias", Tensor([Width], new float[Width]));
        var update = op.MatMul(op.MatMul(x, op.Transpose(a, 1, 0)), op.Transpose(b, 1, 0));
        return op.Add(op.Add(op.MatMul(x, op.Initializer("weight", Tensor([Width, Width], _weight))), update), bias);
    }, TestModels.Manifest(ModelTask.Regression, 1, Width) with { WeightsSha256 = hash });

    private string SaveAdapter(string name, float[] a, float[] b, int rank, double alpha, bool rslora = false) => Save(name, Tensors(a, b, rank), alpha, rslora);

    private string Save(string name, Dictionary<string, TensorData> tensors, double alpha, bool rslora = false)
    {
        var path = Path.Combine(_folder, name + ".safetensors");
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string>
        {
            [AdapterMetadata.BaseSha256] = "base-hash", [AdapterMetadata.LoraAlpha] = alpha.ToString(System.Globalization.CultureInfo.InvariantCulture), [AdapterMetadata.UseRslora] = rslora ? "true" : "false",
        });
        return path;
    }

    private float[] Run(EoAdapter? adapter) => _model.Run(Image, [1, 1, Width, Width], ["logits"], adapter)[0].ToSingles();

    private float[] Merged(float[] a, float[] b, int rank, double scale)
    {
        var merged = (float[])_weight.Clone();
        for (var i = 0; i < Width; i++)
        {
            for (var o = 0; o < Width; o++)
            {
                merged[(i * Width) + o] += (float)(scale * Enumerable.Range(0, rank).Sum(r => b[(o * rank) + r] * a[(r * Width) + i]));
            }
        }

        return merged;
    }

    private static float[] Expected(float[] weight, float bias) => [.. Enumerable.Range(0, Width * Width).Select(i =>
        Enumerable.Range(0, Width).Sum(k => Image[(i / Width * Width) + k] * weight[(k * Width) + (i % Width)]) + bias)];

    private static void AssertClose(float[] expected, float[] actual) => Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
}
