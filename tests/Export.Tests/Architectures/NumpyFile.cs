using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>The numbers of a <c>.npy</c> file of version 1, of the types that the test data has, in double precision.</summary>
internal static partial class NumpyFile
{
    public static double[] Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        var type = Descriptor().Match(Encoding.ASCII.GetString(bytes, 10, length)).Groups[1].Value;
        var values = bytes.AsSpan(10 + length);
        return type switch
        {
            "<f8" => MemoryMarshal.Cast<byte, double>(values).ToArray(),
            "<i8" => [.. MemoryMarshal.Cast<byte, long>(values).ToArray().Select(value => (double)value)],
            "|u1" => [.. values.ToArray().Select(value => (double)value)],
            _ => throw new NotSupportedException($"{path} holds '{type}'."),
        };
    }

    [GeneratedRegex("'descr': '([^']+)'")]
    private static partial Regex Descriptor();
}
