using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>timm's vision transformer for one image, written out in double precision with plain loops: the reference where no stored one is.</summary>
internal sealed class PlainVit(IReadOnlyDictionary<string, TensorData> weights, DrawnSizes sizes, double epsilon)
{
    /// <summary>Tokens [1 + patches][width] before the first block, of the pixels [channel, row, column] of an image of <paramref name="rows"/> by
    /// <paramref name="columns"/> patches, with a class token and the positions [1 + patches, width].</summary>
    /// <param name="padding">Pixels of zeros around the image.</param>
    public double[][] Embed(float[] image, int rows, int columns, IReadOnlyList<double> positions, int padding = 0)
    {
        var (kernel, bias, first) = (Of("patch_embed.proj.weight"), Of("patch_embed.proj.bias"), Of("cls_token"));
        var (width, patch, height, length, perKernel) = ((int)sizes.Width, sizes.Patch, rows * sizes.Patch, columns * sizes.Patch, sizes.Channels * sizes.Patch * sizes.Patch);
        return [.. Enumerable.Range(0, 1 + (rows * columns)).Select(token => Enumerable.Range(0, width).Select(unit =>
        {
            if (token == 0)
            {
                return first[unit] + positions[unit];
            }

            var (top, left, sum) = (((token - 1) / columns * patch) - padding, ((token - 1) % columns * patch) - padding, bias[unit]);
            for (var i = 0; i < perKernel; i++)
            {
                var (channel, row, column) = (i / (patch * patch), top + (i / patch % patch), left + (i % patch));
                sum += row < 0 || column < 0 || row >= height || column >= length ? 0 : kernel[(unit * perKernel) + i] * image[(((channel * height) + row) * length) + column];
            }

            return sum + positions[(token * width) + unit];
        }).ToArray())];
    }

    /// <summary>x += γ1·proj(attention(norm1 x)); x += γ2·fc2(gelu(fc1(norm2 x))), where the factors γ are 1 unless the weights have them.</summary>
    /// <param name="bias">Added to the scores [head][query, key]; null adds nothing.</param>
    public double[][] Block(double[][] x, string path, double[][]? bias = null)
    {
        x = Add(x, Scale(Linear(Attend(Linear(Normalize(x, $"{path}.norm1"), $"{path}.attn.qkv"), bias), $"{path}.attn.proj"), $"{path}.ls1.gamma", $"{path}.gamma_1"));
        return Add(x, Scale(Linear(Linear(Normalize(x, $"{path}.norm2"), $"{path}.mlp.fc1", Gelu), $"{path}.mlp.fc2"), $"{path}.ls2.gamma", $"{path}.gamma_2"));
    }

    public double[][] Normalize(double[][] x, string path)
    {
        var (weight, bias) = (Of($"{path}.weight"), Of($"{path}.bias"));
        return [.. x.Select(token =>
        {
            var mean = token.Average();
            var deviation = Math.Sqrt(token.Average(value => (value - mean) * (value - mean)) + epsilon);
            return token.Select((value, i) => ((value - mean) / deviation * weight[i]) + bias[i]).ToArray();
        })];
    }

    private double[][] Scale(double[][] x, params string[] names) =>
        Array.Find(names, weights.ContainsKey) is { } name && Of(name) is var factor ? [.. x.Select(token => token.Select((value, i) => value * factor[i]).ToArray())] : x;

    private double[][] Attend(double[][] qkv, double[][]? bias)
    {
        var (width, head) = ((int)sizes.Width, (int)sizes.Width / sizes.Heads);
        return [.. qkv.Select((query, position) => Enumerable.Range(0, sizes.Heads).SelectMany(h =>
        {
            var scores = qkv.Select((key, other) => Math.Exp(
                (Enumerable.Range(h * head, head).Sum(i => query[i] * key[width + i]) / Math.Sqrt(head)) + (bias is null ? 0 : bias[h][(position * qkv.Length) + other]))).ToArray();
            return Enumerable.Range((2 * width) + (h * head), head).Select(i => scores.Select((score, token) => score * qkv[token][i]).Sum() / scores.Sum());
        }).ToArray())];
    }

    private double[][] Linear(double[][] x, string path, Func<double, double>? activation = null)
    {
        var (weight, bias) = (Of($"{path}.weight"), BiasOf(path));
        return [.. x.Select(token => bias.Select((offset, unit) =>
        {
            var sum = offset;
            for (var i = 0; i < token.Length; i++)
            {
                sum += weight[(unit * token.Length) + i] * token[i];
            }

            return activation is null ? sum : activation(sum);
        }).ToArray())];
    }

    // BEiT gives queries and values a bias, and keys none.
    private double[] BiasOf(string path) => weights.ContainsKey($"{path}.bias") ? Of($"{path}.bias")
        : path[..path.LastIndexOf('.')] is var attention && Of($"{attention}.q_bias") is var queries ? [.. queries, .. new double[queries.Length], .. Of($"{attention}.v_bias")] : [];

    private static double[][] Add(double[][] a, double[][] b) => [.. a.Zip(b, (left, right) => left.Zip(right, (x, y) => x + y).ToArray())];

    public static double Gelu(double x) => x / 2 * (1 + Erf(x / Math.Sqrt(2)));

    // Its series, exact to rounding for the small arguments of these tests; beyond 5 it is 1.
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 5)
        {
            return Math.Sign(x);
        }

        var (sum, term) = (x, x);
        for (var n = 1; n < 200 && Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    private double[] Of(string name) => [.. weights[name].ToSingles().Select(value => (double)value)];
}
