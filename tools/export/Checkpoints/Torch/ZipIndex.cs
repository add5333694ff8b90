using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>
/// The entries of a zip file and where their bytes lie, so that stored entries can be read as slices of the mapped file.
/// <see cref="ZipArchive"/> reads entries only as streams and does not tell their place; packed entries are unpacked by .NET.
/// </summary>
/// <remarks>Layout: APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3 (zip64). Sizes are taken from the central directory; names are only compared,
/// never used as paths. Checksums are not compared: PyTorch may be told to leave them out.</remarks>
internal sealed class ZipIndex
{
    private const uint EndSignature = 0x06054B50;
    private const uint End64Signature = 0x06064B50;
    private const uint LocatorSignature = 0x07064B50;
    private const uint CentralSignature = 0x02014B50;
    private const uint LocalSignature = 0x04034B50;
    private const int MaximumRatio = 200;
    private const int EndSize = 22;
    private const int CentralSize = 46;

    private readonly MappedFile _file;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    private ZipIndex(MappedFile file) => _file = file;

    /// <summary>The names, in file order.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Reads the directory of a file that starts with a zip entry.</summary>
    /// <exception cref="FileFormatException">Truncated, inconsistent, a name twice, or more than the file can hold.</exception>
    public static ZipIndex Open(MappedFile file)
    {
        var index = new ZipIndex(file);
        index.ReadDirectory();
        return index;
    }

    /// <summary>True when there is an entry of that name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>The bytes of an entry; a packed one is unpacked when it is first read, into memory that may be given back.</summary>
    /// <exception cref="FileFormatException">There is no such entry, or its bytes leave the file.</exception>
    public StorageBytes Read(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
        {
            throw new FileFormatException($"the archive lacks the entry '{name}'. The file is truncated or damaged.");
        }

        var start = DataStart(name, entry);
        if (entry.Method == 0)
        {
            return new StorageBytes(entry.Length, (offset, length) => _file.Slice(start + offset, length));
        }

        var packed = _file.Slice(start, entry.PackedLength);
        var unpacked = new WeakReference<byte[]>([]);
        return new StorageBytes(entry.Length, (offset, length) => Unpack().AsMemory((int)offset, (int)length), IsMapped: false);

        byte[] Unpack()
        {
            if (unpacked.TryGetTarget(out var bytes) && bytes.Length == entry.Length)
            {
                return bytes;
            }

            bytes = Inflate(name, packed, entry.Length);
            unpacked.SetTarget(bytes);
            return bytes;
        }
    }

    private static byte[] Inflate(string name, ReadOnlyMemory<byte> packed, long length)
    {
        var bytes = new byte[length];
        try
        {
            using var stream = new DeflateStream(new MemoryStream(packed.ToArray(), writable: false), CompressionMode.Decompress);
            stream.ReadExactly(bytes);
            return stream.ReadByte() < 0 ? bytes : throw new FileFormatException($"the entry '{name}' unpacks to more than the {length} bytes it announces.");
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException)
        {
            throw new FileFormatException($"the entry '{name}' cannot be unpacked to {length} bytes. The file is damaged.", failure);
        }
    }

    private void ReadDirectory()
    {
        var (count, size, start) = FindDirectory();
        if (count > size / CentralSize)
        {
            throw new FileFormatException($"the zip directory announces {count} entries in {size} bytes; an entry has at least {CentralSize}.");
        }

        var directory = _file.Slice(start, size).Span;
        for (long i = 0; i < count; i++)
        {
            if (directory.Length < CentralSize || BinaryPrimitives.ReadUInt32LittleEndian(directory) != CentralSignature)
            {
                throw new FileFormatException($"the zip directory is damaged at entry {i} of {count}.");
            }

            var (nameLength, extraLength, commentLength) = (Word(directory, 28), Word(directory, 30), Word(directory, 32));
            if (directory.Length - CentralSize < nameLength + extraLength + commentLength)
            {
                throw new FileFormatException($"the zip directory is damaged at entry {i} of {count}: its name leaves the directory.");
            }

            var name = Encoding.UTF8.GetString(directory.Slice(CentralSize, nameLength));
            var entry = ReadEntry(name, directory, directory.Slice(CentralSize + nameLength, extraLength));
            if (!_entries.TryAdd(name, entry))
            {
                throw new FileFormatException($"the archive lists the entry '{name}' twice.");
            }

            directory = directory[(CentralSize + nameLength + extraLength + commentLength)..];
        }

        GC.KeepAlive(_file);
    }

    private ZipEntry ReadEntry(string name, ReadOnlySpan<byte> header, ReadOnlySpan<byte> extra)
    {
        var (flags, method) = (Word(header, 8), Word(header, 10));
        long packed = BinaryPrimitives.ReadUInt32LittleEndian(header[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(header[24..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(header[42..]);
        while (extra.Length >= 4)
        {
            var (kind, fieldLength) = (Word(extra, 0), Word(extra, 2));
            if (fieldLength > extra.Length - 4)
            {
                break;
            }

            if (kind == 1)   // zip64: only the fields that are saturated in the header, in this order
            {
                var field = extra.Slice(4, fieldLength);
                (length, packed, offset) = (Wide(length, ref field, name), Wide(packed, ref field, name), Wide(offset, ref field, name));
            }

            extra = extra[(4 + fieldLength)..];
        }

        if ((flags & 1) != 0 || method is not (0 or 8))
        {
            throw new FileFormatException($"the entry '{name}' is {((flags & 1) != 0 ? "encrypted" : $"packed with method {method}")}; stored and deflated entries can be read.");
        }

        var isPlausible = packed >= 0 && length >= 0 && offset >= 0 && offset < _file.Length && packed <= _file.Length - offset
            && (method != 0 || packed == length);
        if (!isPlausible)
        {
            throw new FileFormatException($"the entry '{name}' has {packed} bytes at {offset}, unpacked {length}; the file has {_file.Length}. The file is truncated or damaged.");
        }

        // Deflate packs at most 1032 : 1, and weights hardly at all.
        if (method == 8 && (length > int.MaxValue || length / MaximumRatio > packed))
        {
            throw new FileFormatException($"the entry '{name}' unpacks from {packed} bytes to {length}; at most {MaximumRatio} : 1 is read, to bound memory.");
        }

        return new ZipEntry(offset, packed, length, method);
    }

    private long DataStart(string name, ZipEntry entry)
    {
        var header = _file.Slice(entry.Offset, Math.Min(30, _file.Length - entry.Offset)).Span;
        if (header.Length < 30 || BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalSignature)
        {
            throw new FileFormatException($"the entry '{name}' has no header at byte {entry.Offset}. The file is damaged.");
        }

        var start = entry.Offset + 30 + Word(header, 26) + Word(header, 28);
        GC.KeepAlive(_file);
        return start <= _file.Length - entry.PackedLength
            ? start
            : throw new FileFormatException($"the entry '{name}' has {entry.PackedLength} bytes at {start}; the file has {_file.Length}. The file is truncated or damaged.");
    }

    private (long Count, long Size, long Start) FindDirectory()
    {
        var tailLength = Math.Min(_file.Length, EndSize + ushort.MaxValue);
        var tailStart = _file.Length - tailLength;
        var tail = _file.Slice(tailStart, tailLength).Span;
        for (var at = tail.Length - EndSize; at >= 0; at--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail[at..]) != EndSignature || Word(tail, at + 20) > tail.Length - at - EndSize)
            {
                continue;
            }

            long count = Word(tail, at + 10);
            long size = BinaryPrimitives.ReadUInt32LittleEndian(tail[(at + 12)..]);
            long start = BinaryPrimitives.ReadUInt32LittleEndian(tail[(at + 16)..]);
            if (count == ushort.MaxValue || size == uint.MaxValue || start == uint.MaxValue)
            {
                (count, size, start) = FindDirectory64(tailStart + at) ?? (count, size, start);
            }

            GC.KeepAlive(_file);
            return count >= 0 && size >= 0 && start >= 0 && start <= _file.Length - size
                ? (count, size, start)
                : throw new FileFormatException($"the zip directory has {size} bytes at {start}; the file has {_file.Length}. The file is truncated or damaged.");
        }

        throw new FileFormatException("it starts as a zip archive, but its directory is missing. The file is truncated: copy or download it again.");
    }

    private (long Count, long Size, long Start)? FindDirectory64(long end)
    {
        if (end < 20)
        {
            return null;
        }

        var locator = _file.Slice(end - 20, 20).Span;
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != LocatorSignature)
        {
            return null;
        }

        var at = BinaryPrimitives.ReadInt64LittleEndian(locator[8..]);
        if (at < 0 || at > _file.Length - 56)
        {
            throw new FileFormatException($"the zip64 directory is announced at byte {at}; the file has {_file.Length}. The file is damaged.");
        }

        var record = _file.Slice(at, 56).Span;
        return BinaryPrimitives.ReadUInt32LittleEndian(record) == End64Signature
            ? (BinaryPrimitives.ReadInt64LittleEndian(record[32..]), BinaryPrimitives.ReadInt64LittleEndian(record[40..]), BinaryPrimitives.ReadInt64LittleEndian(record[48..]))
            : throw new FileFormatException($"there is no zip64 directory at byte {at}, where it is announced. The file is damaged.");
    }

    private static long Wide(long value, ref ReadOnlySpan<byte> field, string name)
    {
        if (value != uint.MaxValue)
        {
            return value;
        }

        if (field.Length < 8)
        {
            throw new FileFormatException($"the entry '{name}' lacks its 64-bit sizes. The file is damaged.");
        }

        value = BinaryPrimitives.ReadInt64LittleEndian(field);
        field = field[8..];
        return value;
    }

    private static int Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private sealed record ZipEntry(long Offset, long PackedLength, long Length, int Method);
}
