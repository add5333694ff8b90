using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace EoOnnx.Export.Tests.Checkpoints.Writing;

/// <summary>An entry of an archive. What the directory says about it need not be true.</summary>
/// <param name="Name">Name.</param>
/// <param name="Content">Bytes before packing.</param>
internal sealed record ZipItem(string Name, byte[] Content)
{
    /// <summary>Packs the bytes.</summary>
    public bool Deflate { get; init; }

    /// <summary>The unpacked length that the directory announces.</summary>
    public long? AnnouncedLength { get; init; }

    /// <summary>The packed length that the directory announces.</summary>
    public long? AnnouncedPackedLength { get; init; }

    /// <summary>The place that the directory announces.</summary>
    public long? AnnouncedOffset { get; init; }

    /// <summary>The method that the directory announces.</summary>
    public ushort? AnnouncedMethod { get; init; }
}

/// <summary>Writes zip archives, good and bad ones, with payloads aligned to 64 bytes as PyTorch's are.</summary>
internal static class ZipWriter
{
    /// <param name="items">The entries.</param>
    /// <param name="zip64">Writes every size and place in its 64-bit form.</param>
    public static byte[] Write(IEnumerable<ZipItem> items, bool zip64 = false)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        var directory = new List<(ZipItem Item, long Offset, byte[] Packed, uint Checksum)>();
        foreach (var item in items)
        {
            var packed = item.Deflate ? Pack(item.Content) : item.Content;
            var (offset, checksum, name) = (stream.Position, Crc32.HashToUInt32(item.Content), Encoding.UTF8.GetBytes(item.Name));
            var padding = (int)(-(offset + 30 + name.Length + 4) & 63);
            directory.Add((item, offset, packed, checksum));
            writer.Write(0x04034B50);
            WriteShared(item, checksum, (uint)packed.Length, (uint)item.Content.Length, (ushort)name.Length, (ushort)(4 + padding));
            writer.Write(name);
            writer.Write((ushort)0x4246);   // "FB": the padding that PyTorch uses
            writer.Write((ushort)padding);
            writer.Write(new byte[padding]);
            writer.Write(packed);
        }

        var start = stream.Position;
        foreach (var (item, offset, packed, checksum) in directory)
        {
            var (length, packedLength, at) = (item.AnnouncedLength ?? item.Content.Length, item.AnnouncedPackedLength ?? packed.Length, item.AnnouncedOffset ?? offset);
            var wide = zip64 || length > uint.MaxValue || packedLength > uint.MaxValue || at > uint.MaxValue;
            var name = Encoding.UTF8.GetBytes(item.Name);
            writer.Write(0x02014B50);
            writer.Write((ushort)0);
            WriteShared(item, checksum, wide ? uint.MaxValue : (uint)packedLength, wide ? uint.MaxValue : (uint)length, (ushort)name.Length, wide ? (ushort)28 : (ushort)0);
            writer.Write((ushort)0);    // comment
            writer.Write((ushort)0);    // disk
            writer.Write((ushort)0);    // internal attributes
            writer.Write(0);            // external attributes
            writer.Write(wide ? uint.MaxValue : (uint)at);
            writer.Write(name);
            if (wide)
            {
                writer.Write((ushort)1);
                writer.Write((ushort)24);
                writer.Write(length);
                writer.Write(packedLength);
                writer.Write(at);
            }
        }

        var size = stream.Position - start;
        if (zip64)
        {
            var record = stream.Position;
            writer.Write(0x06064B50);
            writer.Write(44L);
            writer.Write((ushort)45);
            writer.Write((ushort)45);
            writer.Write(0L);
            writer.Write((long)directory.Count);
            writer.Write((long)directory.Count);
            writer.Write(size);
            writer.Write(start);
            writer.Write(0x07064B50);
            writer.Write(0);
            writer.Write(record);
            writer.Write(1);
        }

        writer.Write(0x06054B50);
        writer.Write(0);
        writer.Write(zip64 ? ushort.MaxValue : (ushort)directory.Count);
        writer.Write(zip64 ? ushort.MaxValue : (ushort)directory.Count);
        writer.Write(zip64 ? uint.MaxValue : (uint)size);
        writer.Write(zip64 ? uint.MaxValue : (uint)start);
        writer.Write((ushort)0);
        writer.Flush();
        return stream.ToArray();

        void WriteShared(ZipItem item, uint checksum, uint packedLength, uint length, ushort nameLength, ushort extraLength)
        {
            writer.Write((ushort)45);
            writer.Write((ushort)0x0800);   // names are UTF-8
            writer.Write(item.AnnouncedMethod ?? (item.Deflate ? (ushort)8 : (ushort)0));
            writer.Write(0);                // time and date
            writer.Write(checksum);
            writer.Write(packedLength);
            writer.Write(length);
            writer.Write(nameLength);
            writer.Write(extraLength);
        }
    }

    private static byte[] Pack(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Optimal))
        {
            deflate.Write(content);
        }

        return packed.ToArray();
    }
}
