using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>DOFA's generator of a patch embedding, written out in double precision with plain loops: one post-norm layer of a transformer over
/// [weight tokens, bands, bias token]. Only the angles of the wavelengths are single precision, as the reference has them.</summary>
internal sealed class PlainDofaKernel(IReadOnlyDictionary<string, TensorData> weights)
{
    private const string Generator = "patch_embed.weight_generator", Layer = $"{Generator}.transformer_encoder.layers.0";
    private const int Heads = 4;

    /// <summary>Kernel [width, bands, patch, patch] and bias [width].</summary>
    public (TensorData Kernel, TensorData Bias) Of(IReadOnlyList<double> micrometres, int patch, int width)
    {
        var tokens = Rows($"{Generator}.weight_tokens");
        var waves = micrometres.Select(length => Encode((float)length, tokens[0].Length)).ToArray();
        waves = Add(waves, Relu(Linear(Relu(Linear(waves, "patch_embed.fclayer.w1")), "patch_embed.fclayer.w2")));
        double[][] x = [.. tokens, .. waves, .. Rows($"{Generator}.bias_token")];
        x = Normalize(Add(x, Linear(Attend(x), $"{Layer}.self_attn.out_proj")), $"{Layer}.norm1");
        x = Normalize(Add(x, Linear(Gelu(Linear(x, $"{Layer}.linear1")), $"{Layer}.linear2")), $"{Layer}.norm2");
        var kernels = Linear(Add(x[tokens.Length..^1], waves), $"{Generator}.fc_weight");
        var kernel = new float[width * waves.Length * patch * patch];
        for (var i = 0; i < kernel.Length; i++)
        {
            var (output, band, pixel) = (i / (waves.Length * patch * patch), i / (patch * patch) % waves.Length, i % (patch * patch));
            kernel[i] = (float)(0.01 * kernels[band][(pixel * width) + output]);
        }

        return (TensorData.FromValues<float>([width, waves.Length, patch, patch], kernel), TensorData.FromValues<float>([width], [.. Linear(x[^1..], $"{Generator}.fc_bias")[0].Select(value => (float)(0.01 * value))]));
    }

    // All sines, then all cosines.
    private static double[] Encode(float micrometres, int size) => [.. Enumerable.Range(0, size).Select(i =>
    {
        var half = size / 2;
        var angle = micrometres * 1000f * (1f / MathF.Pow(10_000f, i % half / (float)half));
        return (double)(i < half ? MathF.Sin(angle) : MathF.Cos(angle));
    })];

    private double[][] Attend(double[][] x)
    {
        var (width, head) = (x[0].Length, x[0].Length / Heads);
        var (matrix, offset) = (Values($"{Layer}.self_attn.in_proj_weight"), Values($"{Layer}.self_attn.in_proj_bias"));
        var qkv = Product(x, matrix, offset);
        return [.. qkv.Select(query => Enumerable.Range(0, Heads).SelectMany(h =>
        {
            var scores = qkv.Select(key => Math.Exp(Enumerable.Range(h * head, head).Sum(i => query[i] * key[width + i]) / Math.Sqrt(head))).ToArray();
            return Enumerable.Range((2 * width) + (h * head), head).Select(i => scores.Select((score, token) => score * qkv[token][i]).Sum() / scores.Sum());
        }).ToArray())];
    }

    private double[][] Normalize(double[][] x, string path)
    {
        var (weight, bias) = (Values($"{path}.weight"), Values($"{path}.bias"));
        return [.. x.Select(row => (row.Average(), Math.Sqrt(row.Average(value => (value - row.Average()) * (value - row.Average())) + 1e-5)) is var (mean, deviation)
            ? row.Select((value, i) => ((value - mean) / deviation * weight[i]) + bias[i]).ToArray() : [])];
    }

    private double[][] Linear(double[][] x, string path) => Product(x, Values($"{path}.weight"), Values($"{path}.bias"));

    private static double[][] Product(double[][] x, double[] matrix, double[] offset) => [.. x.Select(row => offset.Select((value, unit) =>
    {
        for (var i = 0; i < row.Length; i++)
        {
            value += matrix[(unit * row.Length) + i] * row[i];
        }

        return value;
    }).ToArray())];

    private static double[][] Relu(double[][] x) => [.. x.Select(row => row.Select(value => Math.Max(0, value)).ToArray())];

    private static double[][] Gelu(double[][] x) => [.. x.Select(row => row.Select(PlainVit.Gelu).ToArray())];

    private static double[][] Add(double[][] a, double[][] b) => [.. a.Zip(b, (left, right) => left.Zip(right, (x, y) => x + y).ToArray())];

    private double[][] Rows(string name) => [.. Values(name).Chunk((int)weights[name].Shape[^1])];

    private double[] Values(string name) => [.. weights[name].ToSingles().Select(value => (double)value)];
}
