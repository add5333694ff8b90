using EoOnnx.Formats;
using EoOnnx.Training.Adapters;

namespace EoOnnx.Training.Tests.Adapters;

public sealed class AdapterCompressionTests : IDisposable
{
    private const string Layer = "blocks.0.mlp.fc1";
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-adapters-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(6, 10), InlineData(12, 5), InlineData(3, 20)]
    public void An_update_of_low_rank_is_found_again_without_error(int outputs, int inputs)
    {
        var adapter = Lora(outputs, inputs, rank: 8, hidden: 2);
        var (small, layers) = AdapterCompression.Compress(adapter, new CompressionOptions { Energy = 0.999999 });
        var layer = Assert.Single(layers);
        Assert.Equal((Layer, 8, 2), (layer.Layer, layer.From, layer.To));
        Assert.InRange(layer.Error, 0, 1e-3);
        Assert.Equal([2, inputs], small.Tensors[$"{Layer}.lora_A.weight"].Shape);
        Close(Update(adapter), Update(small), 1e-4);
        Assert.Equal(adapter.Tensors["head.weight"].ToSingles(), small.Tensors["head.weight"].ToSingles());
    }

    [Theory, InlineData(1), InlineData(3), InlineData(5)]
    public void The_error_that_is_told_is_that_of_the_update(int rank)
    {
        var adapter = Lora(9, 7, rank: 6, hidden: 6);
        var (small, layers) = AdapterCompression.Compress(adapter, new CompressionOptions { Rank = rank });
        var (before, after) = (Update(adapter), Update(small));
        var error = Math.Sqrt(before.Zip(after, (a, b) => Math.Pow(a - b, 2)).Sum() / before.Sum(value => value * value));
        Assert.Equal(error, Assert.Single(layers).Error, 1e-5);
        var difference = Assert.Single(AdapterComparison.Of(adapter, small).Updates);
        Assert.Equal(error, difference.Distance!.Value / difference.First!.Value, 1e-4);
    }

    [Fact]
    public void Kernels_of_convolutions_keep_their_shape()
    {
        var tensors = new Dictionary<string, TensorData> { [$"{Layer}.lora_A.weight"] = RandomTensors.Normal(1, "a", [4, 3, 2, 2], 1), [$"{Layer}.lora_B.weight"] = RandomTensors.Normal(1, "b", [5, 4, 1, 1], 1) };
        var (small, _) = AdapterCompression.Compress(new AdapterFile { Tensors = tensors, LoraAlpha = 4 }, new CompressionOptions { Rank = 2 });
        Assert.Equal([2, 3, 2, 2], small.Tensors[$"{Layer}.lora_A.weight"].Shape);
        Assert.Equal([5, 2, 1, 1], small.Tensors[$"{Layer}.lora_B.weight"].Shape);
    }

    [Fact]
    public void Only_LoRA_has_a_rank_and_one_aim_is_given()
    {
        Assert.Contains("no LoRA", Assert.Throws<AdapterException>(() => AdapterCompression.Compress(new AdapterFile { Tensors = new Dictionary<string, TensorData> { ["head.weight"] = TensorData.FromValues<float>([1], [1]) } }, new CompressionOptions { Rank = 1 })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => AdapterCompression.Compress(Lora(2, 2, 1, 1), new CompressionOptions()));
        Assert.Throws<ArgumentException>(() => AdapterCompression.Compress(Lora(2, 2, 1, 1), new CompressionOptions { Rank = 1, Energy = 0.5 }));
    }

    [Fact]
    public void A_comparison_tells_norms_cosines_what_one_lacks_and_settings()
    {
        var first = Lora(4, 4, 2, 2) with { RecipeJson = """{"run":{"epochs":3},"model":"a"}""", BaseSha256 = "x" };
        var tensors = first.Tensors.ToDictionary();
        tensors["head.weight"] = LoraTensors.Scaled(tensors["head.weight"], -2);
        tensors["head.bias"] = TensorData.FromValues<float>([1], [3]);
        var comparison = AdapterComparison.Of(first, first with { Tensors = tensors, LoraAlpha = first.LoraAlpha * 3, RecipeJson = """{"run":{"epochs":5},"model":"a"}""", BaseSha256 = "y" });
        var update = Assert.Single(comparison.Updates);
        Assert.Equal((1, 3), (Math.Round(update.Cosine!.Value, 6), Math.Round(update.Second!.Value / update.First!.Value, 4)));
        var head = comparison.Tensors.Single(tensor => tensor.Name == "head.weight");
        Assert.Equal(-1, head.Cosine!.Value, 1e-6);
        Assert.Equal(3 * head.First!.Value, head.Distance!.Value, 1e-6);
        var bias = comparison.Tensors.Single(tensor => tensor.Name == "head.bias");
        Assert.Equal((null, 3.0, null), (bias.First, bias.Second, bias.Cosine));
        Assert.Equal([new RecipeDifference("run.epochs", "3", "5")], comparison.Recipe);
        Assert.False(comparison.SameBase);
    }

    [Theory, InlineData("a.safetensors"), InlineData("a.onnx_adapter"), InlineData("peft")]
    public void Every_form_holds_the_same_update(string name)
    {
        var adapter = Lora(4, 6, 2, 2);
        var path = Path.Combine(_folder, name);
        adapter.Save(path);
        Close(Update(adapter), Update(AdapterFile.Open(path)), 1e-6);
    }

    [Fact]
    public void A_name_that_says_no_form_is_refused() =>
        Assert.Contains("ends like no adapter", Assert.Throws<AdapterException>(() => Lora(2, 2, 1, 1).Save(Path.Combine(_folder, "a.bin"))).Message, StringComparison.Ordinal);

    /// <summary>An adapter of one layer whose update has the rank <paramref name="hidden"/>.</summary>
    private static AdapterFile Lora(int outputs, int inputs, int rank, int hidden)
    {
        var (a, b, mix) = (RandomTensors.Normal(1, "a", [hidden, inputs], 1).ToSingles(), RandomTensors.Normal(1, "b", [outputs, hidden], 1).ToSingles(), RandomTensors.Normal(1, "mix", [rank, hidden], 1).ToSingles());
        return new AdapterFile
        {
            LoraAlpha = 4,
            Tensors = new Dictionary<string, TensorData>
            {
                [$"{Layer}.lora_A.weight"] = TensorData.FromValues<float>([rank, inputs], Product(mix, a, rank, hidden, inputs)),
                [$"{Layer}.lora_B.weight"] = TensorData.FromValues<float>([outputs, rank], Product(b, Transposed(mix, rank, hidden), outputs, hidden, rank)),
                ["head.weight"] = TensorData.FromValues<float>([2], [1, 2]),
                ["head.bias"] = TensorData.FromValues<float>([1], [0.5f]),
            }.Where(item => rank == 8 || item.Key != "head.bias").ToDictionary(),
        };
    }

    private static double[] Update(AdapterFile adapter)
    {
        var tensors = adapter.ToOnnxAdapter().Tensors;
        var (a, b) = (tensors[$"{Layer}.lora_A.weight"], tensors[$"{Layer}.lora_B.weight"]);
        return Array.ConvertAll(Product(b.ToSingles(), a.ToSingles(), (int)b.Shape[0], (int)a.Shape[0], (int)a.Shape[1]), value => (double)value);
    }

    private static float[] Product(float[] a, float[] b, int rows, int inner, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(i => (float)Enumerable.Range(0, inner).Sum(k => (double)a[(i / columns * inner) + k] * b[(k * columns) + (i % columns)]))];

    private static float[] Transposed(float[] a, int rows, int columns) => [.. Enumerable.Range(0, rows * columns).Select(i => a[(i % rows * columns) + (i / rows)])];

    private static void Close(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, tolerance * scale));
    }
}
