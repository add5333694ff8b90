using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// Runs DOFA's generator once, for bands that are known at export: the result is an ordinary convolution kernel.
/// <see cref="DofaGenerator"/> is the same computation as a graph.
/// </summary>
internal static class DofaKernel
{
    /// <summary>Heads of the generator's encoder layers; fixed in the reference.</summary>
    public const int Heads = 4;

    /// <summary>Epsilon of the generator's normalisations (PyTorch's default).</summary>
    public const float Epsilon = 1e-5f;

    /// <summary>Factor on the generated kernel and bias.</summary>
    public const float Scaler = 0.01f;

    /// <summary>The kernel [width, bands, patch, patch] and the bias [width].</summary>
    /// <param name="generator">Weights below <c>patch_embed.weight_generator</c>.</param>
    /// <param name="wave">Weights below <c>patch_embed.fclayer</c>.</param>
    /// <param name="wavelengthsMicrometres">One a band.</param>
    /// <param name="patch">Patch edge.</param>
    /// <param name="width">Width of a token.</param>
    /// <exception cref="FileFormatException">A weight is absent or has another shape.</exception>
    public static (TensorData Kernel, TensorData Bias) Generate(StateDict generator, StateDict wave, IReadOnlyList<float> wavelengthsMicrometres, int patch, int width)
    {
        var tokens = generator.Take("weight_tokens", -1, -1);
        var size = (int)tokens.Shape[1];
        var waves = new Rows(wavelengthsMicrometres.Count, size);
        for (var band = 0; band < waves.Count; band++)
        {
            PositionTable.SineCosine(wavelengthsMicrometres[band] * 1000, waves[band]);
        }

        waves = waves.Plus(waves.Linear(wave, "w1").Map(Relu).Linear(wave, "w2").Map(Relu));
        var x = Rows.Stack(new Rows(tokens), waves, new Rows(generator.Take("bias_token", 1, size)));
        for (var layer = 0; layer < generator.CountBlocks("transformer_encoder.layers"); layer++)
        {
            x = EncoderLayer(x, generator.Below($"transformer_encoder.layers.{layer}."));
        }

        var kernels = x.Part((int)tokens.Shape[0], waves.Count).Plus(waves).Linear(generator, "fc_weight", patch * patch * width);
        var bias = x.Part(x.Count - 1, 1).Linear(generator, "fc_bias", width);
        return (Permute(kernels, patch, width), TensorData.FromValues<float>([width], bias.Map(value => value * Scaler)[0]));
    }

    // Post-norm, as torch.nn.TransformerEncoderLayer with norm_first = false.
    private static Rows EncoderLayer(Rows x, StateDict weights)
    {
        x = x.Plus(Attend(x, weights.Below("self_attn."))).Normalize(weights, "norm1", Epsilon);
        return x.Plus(x.Linear(weights, "linear1").Map(Gelu).Linear(weights, "linear2")).Normalize(weights, "norm2", Epsilon);
    }

    private static Rows Attend(Rows x, StateDict weights)
    {
        var (width, head) = (x.Width, x.Width / Heads);
        var qkv = x.Linear(weights.Take("in_proj_weight", 3 * width, width), weights.Take("in_proj_bias", 3 * width));
        var mixed = new Rows(x.Count, width);
        var scores = new double[x.Count];
        for (var start = 0; start < width; start += head)
        {
            for (var row = 0; row < x.Count; row++)
            {
                var query = qkv[row].Slice(start, head);
                for (var other = 0; other < x.Count; other++)
                {
                    scores[other] = Rows.Dot(query, qkv[other].Slice(width + start, head)) / Math.Sqrt(head);
                }

                var (largest, sum) = (scores.Max(), 0.0);
                for (var other = 0; other < x.Count; other++)
                {
                    sum += scores[other] = Math.Exp(scores[other] - largest);
                }

                for (var i = 0; i < head; i++)
                {
                    var value = 0.0;
                    for (var other = 0; other < x.Count; other++)
                    {
                        value += scores[other] * qkv[other][(2 * width) + start + i];
                    }

                    mixed[row][start + i] = (float)(value / sum);
                }
            }
        }

        return mixed.Linear(weights, "out_proj");
    }

    // A generated row is [patch row, patch column, output]; a kernel is [output, band, patch row, patch column].
    private static TensorData Permute(Rows kernels, int patch, int width)
    {
        var area = patch * patch;
        var values = new float[kernels.Count * area * width];
        for (var band = 0; band < kernels.Count; band++)
        {
            var row = kernels[band];
            for (var pixel = 0; pixel < area; pixel++)
            {
                for (var output = 0; output < width; output++)
                {
                    values[(((output * kernels.Count) + band) * area) + pixel] = row[(pixel * width) + output] * Scaler;
                }
            }
        }

        return TensorData.FromValues<float>([width, kernels.Count, patch, patch], values);
    }

    private static float Relu(float x) => Math.Max(x, 0);

    // x·Φ(x). Φ by the complementary error function of Numerical Recipes (Chebyshev, relative error below 1.2e-7).
    private static float Gelu(float x)
    {
        var z = Math.Abs(x) / Math.Sqrt(2);
        var t = 1 / (1 + (z / 2));
        ReadOnlySpan<double> coefficients = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223];
        var polynomial = 0.0;
        foreach (var coefficient in coefficients)
        {
            polynomial = (polynomial * t) + coefficient;
        }

        var tail = t * Math.Exp((-z * z) + polynomial) / 2;
        return (float)(x * (x >= 0 ? 1 - tail : tail));
    }
}
