using System.Numerics;
using System.Numerics.Tensors;
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
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var (factors, addends) = (new Vector<float>(factor), new Vector<float>(addend));
        for (var v = 0; v < vectors.Length; v++)
        {
            vectors[v] = (vectors[v] * factors) + addends;
        }

        for (var i = vectors.Length * Vector<float>.Count; i < values.Length; i++)
        {
            values[i] = (values[i] * factor) + addend;
        }

        // Few pixels are missing, if any: they are overwritten.
        for (var i = 0; i < values.Length && valid[i..].IndexOf((byte)0) is var next && next >= 0; i++)
        {
            i += next;
            values[i] = fill;
        }
    }

    /// <summary>The same from stored values of a type of their own: <c>destination[i]</c> is what <c>source[i]</c> becomes. Allocates nothing.</summary>
    /// <param name="source">Stored values of one channel.</param>
    /// <param name="valid">1 valid, 0 not; as many as values.</param>
    /// <param name="scaling">Scale, offset and statistics of the channel.</param>
    /// <param name="fill">What invalid pixels become.</param>
    /// <param name="destination">Model input; every element is written.</param>
    public static void Apply<T>(ReadOnlySpan<T> source, ReadOnlySpan<byte> valid, in ChannelScaling scaling, float fill, Span<float> destination) where T : unmanaged, INumberBase<T>
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, source.Length);
        if (typeof(T) == typeof(ushort))
        {
            Widen(MemoryMarshal.Cast<T, ushort>(source), destination);
        }
        else
        {
            TensorPrimitives.ConvertTruncating(source, destination);
        }

        Apply(destination, valid, scaling, fill);
    }

    // Sixteen bits, as most scenes have: as signed integers of 32 bits, which every processor turns into floats.
    private static void Widen(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var narrow = MemoryMarshal.Cast<ushort, Vector<ushort>>(source);
        var wide = MemoryMarshal.Cast<float, Vector<float>>(destination);
        for (var i = 0; i < narrow.Length; i++)
        {
            Vector.Widen(narrow[i], out var low, out var high);
            wide[2 * i] = Vector.ConvertToSingle(Vector.AsVectorInt32(low));
            wide[(2 * i) + 1] = Vector.ConvertToSingle(Vector.AsVectorInt32(high));
        }

        for (var i = narrow.Length * Vector<ushort>.Count; i < source.Length; i++)
        {
            destination[i] = source[i];
        }
    }
}
