using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace EoOnnx.Formats;

/// <summary>The identity of a set of weights, independent of the file that holds them.</summary>
public static class WeightsHash
{
    /// <summary>
    /// SHA-256, in lower-case hexadecimal, over all tensors in ordinal order of their names: name, element type, extents, bytes.
    /// </summary>
    public static string Compute(IEnumerable<KeyValuePair<string, TensorData>> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[8];
        foreach (var (name, tensor) in tensors.OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            var text = Encoding.UTF8.GetBytes(name);
            Append(text.Length, number);
            hash.AppendData(text);
            Append((long)tensor.Type, number);
            Append(tensor.Shape.Length, number);
            foreach (var extent in tensor.Shape)
            {
                Append(extent, number);
            }

            tensor.Use(bytes => hash.AppendData(bytes.Span));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(long value, Span<byte> buffer)
        {
            BinaryPrimitives.WriteInt64LittleEndian(buffer, value);
            hash.AppendData(buffer);
        }
    }
}
