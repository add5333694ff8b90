using System.Runtime.InteropServices;
using EoOnnx.Formats;
using EoOnnx.Training.Data;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Features;

/// <summary>How the features of one sample lie in a record: one feature behind the other, little-endian.</summary>
/// <param name="features">The features.</param>
/// <param name="precision">How floats are stored.</param>
internal sealed class FeatureLayout(IReadOnlyList<SampleInput> features, FeaturePrecision precision)
{
    /// <summary>The features of a sample.</summary>
    public IReadOnlyList<SampleInput> Features => features;

    /// <summary>Bytes of a record.</summary>
    public int RecordBytes { get; } = checked((int)features.Sum(feature => (long)feature.Length * ElementBytes(feature, precision)));

    private static int ElementBytes(SampleInput feature, FeaturePrecision precision) =>
        feature.Type == ElementType.Int64 ? sizeof(long) : precision == FeaturePrecision.Bfloat16 ? sizeof(ushort) : sizeof(float);

    /// <summary>Makes the record of a sample.</summary>
    /// <param name="outputs">The features of a batch, in order.</param>
    /// <param name="slot">Which sample of the batch.</param>
    /// <param name="record">Receives <see cref="RecordBytes"/> bytes.</param>
    public void Encode(IReadOnlyList<OrtValue> outputs, int slot, Span<byte> record)
    {
        foreach (var (feature, output) in features.Zip(outputs))
        {
            var bytes = feature.Length * ElementBytes(feature, precision);
            if (feature.Type == ElementType.Int64)
            {
                MemoryMarshal.AsBytes(output.GetTensorDataAsSpan<long>().Slice(slot * feature.Length, feature.Length)).CopyTo(record);
            }
            else
            {
                var values = output.GetTensorDataAsSpan<float>().Slice(slot * feature.Length, feature.Length);
                if (precision == FeaturePrecision.Bfloat16)
                {
                    Round(values, MemoryMarshal.Cast<byte, ushort>(record[..bytes]));
                }
                else
                {
                    MemoryMarshal.AsBytes(values).CopyTo(record);
                }
            }

            record = record[bytes..];
        }
    }

    /// <summary>Puts a record into a batch.</summary>
    public void Decode(ReadOnlySpan<byte> record, Batch batch, int slot)
    {
        foreach (var (feature, input) in features.Zip(batch.Inputs))
        {
            var bytes = feature.Length * ElementBytes(feature, precision);
            if (feature.Type == ElementType.Int64)
            {
                record[..bytes].CopyTo(MemoryMarshal.AsBytes(input.Integers.Span.Slice(slot * feature.Length, feature.Length)));
            }
            else
            {
                var values = input.Floats.Span.Slice(slot * feature.Length, feature.Length);
                if (precision == FeaturePrecision.Bfloat16)
                {
                    var stored = MemoryMarshal.Cast<byte, ushort>(record[..bytes]);
                    for (var i = 0; i < values.Length; i++)
                    {
                        values[i] = BitConverter.UInt32BitsToSingle((uint)stored[i] << 16);
                    }
                }
                else
                {
                    record[..bytes].CopyTo(MemoryMarshal.AsBytes(values));
                }
            }

            record = record[bytes..];
        }
    }

    // To the nearest, ties to even; a NaN stays one.
    private static void Round(ReadOnlySpan<float> values, Span<ushort> stored)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(values[i]);
            stored[i] = float.IsNaN(values[i]) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }
}
