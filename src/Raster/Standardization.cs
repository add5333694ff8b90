using System.Numerics;
using System.Runtime.InteropServices;

namespace EoOnnx.Raster;

/// <summary>How stored values of one channel become model input: x = (value · Scale + Offset − Mean) / Deviation.</summary>
/// <param name="Mean">Mean of the pretraining data, in the unit after scale and offset.</param>
/// <param name="Deviation">Standard deviation of the pretraining data, in that unit; not 0.</param>
/// <param name="Scale">Factor applied to stored values.</param>
/// <param name="Offset">Addend applied after the factor.</param>
public readonly record struct ChannelScaling(float Mean, float Deviation, float Scale = 1, float Offset = 0)
{
    /// <summary>x = value · Factor + Addend, the same in one multiplication and addition.</summary>
    public (float Factor, float Addend) Fused => (Scale / Deviation, (Offset - Mean) / Deviation);
}

/// <summary>Standardises pixels in one pass.</summary>
public static class Standardization
{
    /// <summary>
    /// <c>values[i] = valid[i] ? values[i] · scale / deviation + (offset − mean) / deviation : fill</c>, in place. Allocates nothing.
    /// </summary>
    /// <param name="values">Stored values of one channel, replaced by model input.</param>
    /// <param name="valid">1 valid, 0 not; as many as values.</param>
    /// <param name="scaling">Scale, offset and statistics of the channel.</param>
    /// <param name="fill">What invalid pixels become, after standardisation: 0 is the channel mean.</param>
    public static void Apply(Span<float> values, ReadOnlySpan<byte> valid, in ChannelScaling scaling, float fill = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(valid.Length, values.Length);
        var (factor, addend) = scaling.Fused;
        var i = 0;
        if (valid.IndexOf((byte)0) < 0)
        {
            var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
            var (factors, addends) = (new Vector<float>(factor), new Vector<float>(addend));
            for (var v = 0; v < vectors.Length; v++)
            {
                vectors[v] = (vectors[v] * factors) + addends;
            }

            i = vectors.Length * Vector<float>.Count;
        }

        for (; i < values.Length; i++)
        {
            values[i] = valid[i] != 0 ? (values[i] * factor) + addend : fill;
        }
    }
}
