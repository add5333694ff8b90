using System.Numerics.Tensors;

namespace EoOnnx.Raster;

/// <summary>The directions in which vectors vary most, found by orthogonal iteration. The same samples give the same directions.</summary>
internal sealed class PrincipalComponents
{
    private const int Iterations = 40;
    private readonly float[] _mean;
    private readonly float[][] _directions;

    private PrincipalComponents(float[] mean, float[][] directions) => (_mean, _directions) = (mean, directions);

    /// <summary>Finds the directions, most important first.</summary>
    /// <param name="samples">[sample, channel]; they become deviations from their mean.</param>
    /// <param name="channels">Length of a vector.</param>
    /// <param name="count">How many directions; fewer when there are fewer channels.</param>
    public static PrincipalComponents Of(Span<float> samples, int channels, int count)
    {
        var number = samples.Length / channels;
        var mean = new float[channels];
        for (var i = 0; i < number; i++)
        {
            TensorPrimitives.Add(mean, samples.Slice(i * channels, channels), mean);
        }

        TensorPrimitives.Divide(mean, Math.Max(1, number), mean);
        for (var i = 0; i < number; i++)
        {
            TensorPrimitives.Subtract(samples.Slice(i * channels, channels), mean, samples.Slice(i * channels, channels));
        }

        var directions = Enumerable.Range(0, Math.Min(count, channels)).Select(k => Enumerable.Range(0, channels).Select(c => MathF.Cos((k + 1) * (c + 0.5f))).ToArray()).ToArray();
        var next = directions.Select(_ => new float[channels]).ToArray();
        for (var iteration = 0; iteration < Iterations; iteration++)
        {
            for (var k = 0; k < directions.Length; k++)
            {
                // XᵀXq, sample by sample.
                Array.Clear(next[k]);
                for (var i = 0; i < number; i++)
                {
                    var sample = samples.Slice(i * channels, channels);
                    TensorPrimitives.MultiplyAdd(sample, TensorPrimitives.Dot<float>(sample, directions[k]), next[k], next[k]);
                }
            }

            (directions, next) = (next, directions);
            Orthonormalize(directions);
        }

        return new PrincipalComponents(mean, directions);
    }

    /// <summary>Position of a vector along each direction.</summary>
    /// <param name="vector">The vector; becomes its deviation from the mean.</param>
    /// <param name="positions">One a direction; the last is repeated when there are fewer.</param>
    public void Project(Span<float> vector, Span<float> positions)
    {
        TensorPrimitives.Subtract(vector, _mean, vector);
        for (var k = 0; k < positions.Length; k++)
        {
            positions[k] = TensorPrimitives.Dot<float>(vector, _directions[Math.Min(k, _directions.Length - 1)]);
        }
    }

    // Gram-Schmidt; the largest entry is positive, so that the sign does not hang on the start. A direction without variance is 0.
    private static void Orthonormalize(float[][] directions)
    {
        for (var k = 0; k < directions.Length; k++)
        {
            for (var j = 0; j < k; j++)
            {
                TensorPrimitives.MultiplyAdd(directions[j], -TensorPrimitives.Dot<float>(directions[k], directions[j]), directions[k], directions[k]);
            }

            var norm = TensorPrimitives.Norm<float>(directions[k]);
            TensorPrimitives.Multiply(directions[k], norm > 1e-20f ? 1 / norm : 0, directions[k]);
            if (directions[k][TensorPrimitives.IndexOfMaxMagnitude<float>(directions[k])] < 0)
            {
                TensorPrimitives.Negate<float>(directions[k], directions[k]);
            }
        }
    }
}
