using System.Numerics.Tensors;

namespace EoOnnx.Runtime;

/// <summary>Turns a tile's logits into probabilities, before blending. Scratch is kept from tile to tile.</summary>
internal sealed class ScoreActivation(ScoreActivation.Kind kind, int classes, int pixels, float temperature = 1)
{
    private readonly float[] _scratch = kind == Kind.Softmax ? new float[pixels] : [];

    internal enum Kind
    {
        None,
        Softmax,
        Sigmoid,
    }

    /// <summary>Applies the function in place.</summary>
    /// <param name="scores">[class, pixel].</param>
    public void Apply(Span<float> scores)
    {
        switch (kind)
        {
            case Kind.Sigmoid:
                TensorPrimitives.Sigmoid(scores, scores);
                break;
            case Kind.Softmax:
                Softmax(scores);
                break;
        }
    }

    // exp((s − max)/T) / Σ exp((s − max)/T), plane by plane.
    private void Softmax(Span<float> scores)
    {
        var reduced = _scratch.AsSpan();
        scores[..pixels].CopyTo(reduced);
        for (var k = 1; k < classes; k++)
        {
            TensorPrimitives.Max(reduced, scores.Slice(k * pixels, pixels), reduced);
        }

        for (var k = 0; k < classes; k++)
        {
            var plane = scores.Slice(k * pixels, pixels);
            TensorPrimitives.Subtract(plane, reduced, plane);
            if (temperature != 1)
            {
                TensorPrimitives.Divide(plane, temperature, plane);
            }

            TensorPrimitives.Exp(plane, plane);
        }

        scores[..pixels].CopyTo(reduced);
        for (var k = 1; k < classes; k++)
        {
            TensorPrimitives.Add(reduced, scores.Slice(k * pixels, pixels), reduced);
        }

        for (var k = 0; k < classes; k++)
        {
            var plane = scores.Slice(k * pixels, pixels);
            TensorPrimitives.Divide(plane, reduced, plane);
        }
    }
}
