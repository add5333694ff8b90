using System.Buffers.Binary;
using System.Text;

namespace EoOnnx.Formats;

/// <summary>
/// An <c>.onnx_adapter</c> file as ONNX Runtime's <c>OrtLoraAdapter</c> reads it: named tensors in a FlatBuffers table with the
/// identifier TORT.
/// </summary>
/// <param name="Tensors">Tensors by the name of the graph input they override.</param>
/// <param name="AdapterVersion">Free number; ONNX Runtime compares it with nothing.</param>
/// <param name="ModelVersion">Free number; ONNX Runtime compares it with nothing.</param>
/// <remarks>Schema: Adapter { format_version, adapter_version, model_version : int; parameters : [Parameter] },
/// Parameter { name : string; dims : [int64]; data_type : int; raw_data : [uint8] }. Format version 1 is the only one.</remarks>
public sealed record OnnxAdapterFile(IReadOnlyDictionary<string, TensorData> Tensors, int AdapterVersion = 1, int ModelVersion = 1)
{
    private const int FormatVersion = 1;
    private static readonly ushort[] FourFields = [12, 20, 4, 8, 12, 16]; // vtable: its size, the table's size, offset of each field

    /// <summary>Reads a file; tensors are slices of the mapped file.</summary>
    /// <exception cref="FileFormatException">Truncated, not an adapter, or an offset that leaves the file.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static OnnxAdapterFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return Parse(file.Slice(0, file.Length));
        }
        catch (Exception failure) when (failure is ArgumentException or OverflowException or IndexOutOfRangeException
            || (failure is FileFormatException && !failure.Message.StartsWith(path, StringComparison.Ordinal)))
        {
            throw new FileFormatException($"{path} is not a readable .onnx_adapter file: {failure.Message}", failure);
        }
    }

    /// <summary>Writes the file atomically.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public void Write(string path) => AtomicFile.Write(path, stream => stream.Write(ToBytes()));

    /// <summary>The file as bytes: parameters in ordinal order of their names, payloads aligned to 16 bytes.</summary>
    public byte[] ToBytes()
    {
        var ordered = Tensors.OrderBy(item => item.Key, StringComparer.Ordinal).ToList();
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(0);
        writer.Write("TORT"u8);
        WriteVtable(8);
        var root = WriteTable(8, FormatVersion, AdapterVersion, ModelVersion, 0);
        Patch(0, root);
        Patch(root + 16, Position());
        writer.Write(ordered.Count);
        var list = Position();
        ordered.ForEach(_ => writer.Write(0));
        var vtable = Position();
        WriteVtable(vtable);
        for (var i = 0; i < ordered.Count; i++)
        {
            var (name, tensor) = ordered[i];
            PadTo(4, 0);
            var table = WriteTable(vtable, 0, 0, (int)tensor.Type, 0);
            Patch(list + (4 * i), table);
            Patch(table + 4, Position());
            var text = Encoding.UTF8.GetBytes(name);
            writer.Write(text.Length);
            writer.Write(text);
            writer.Write((byte)0);
            PadTo(8, 4);
            Patch(table + 8, Position());
            writer.Write(tensor.Shape.Length);
            foreach (var extent in tensor.Shape)
            {
                writer.Write(extent);
            }

            PadTo(16, 12);
            Patch(table + 16, Position());
            writer.Write((int)tensor.ByteLength);
            writer.Write(tensor.Bytes.Span);
        }

        PadTo(8, 0);
        writer.Flush();
        return stream.ToArray();

        int Position()
        {
            writer.Flush();
            return checked((int)stream.Position);
        }

        void WriteVtable(int at)
        {
            PadTo(4, at % 4);
            Array.ForEach(FourFields, writer.Write);
        }

        int WriteTable(int vtableAt, params ReadOnlySpan<int> fields)
        {
            var at = Position();
            writer.Write(at - vtableAt);
            foreach (var field in fields)
            {
                writer.Write(field);
            }

            return at;
        }

        void PadTo(int alignment, int remainder)
        {
            while (Position() % alignment != remainder)
            {
                writer.Write((byte)0);
            }
        }

        // An offset field holds the distance from itself to what it points at.
        void Patch(int field, int target)
        {
            var end = Position();
            stream.Position = field;
            writer.Write(target - field);
            writer.Flush();
            stream.Position = end;
        }
    }

    private static OnnxAdapterFile Parse(ReadOnlyMemory<byte> file)
    {
        if (file.Length < 8 || !file.Span.Slice(4, 4).SequenceEqual("TORT"u8))
        {
            throw new FileFormatException("it does not carry the identifier TORT.");
        }

        var root = Follow(file, 0);
        if (Int(file, root, 0) is var version && version != FormatVersion)
        {
            throw new FileFormatException($"its format version is {version}; expected {FormatVersion}.");
        }

        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        var list = Field(file, root, 3) is var at && at != 0 ? Follow(file, at) : 0;
        var count = list == 0 ? 0 : Count(file, list, 4);
        for (var i = 0; i < count; i++)
        {
            var table = Follow(file, list + 4 + (4 * i));
            var name = Encoding.UTF8.GetString(Vector(file, table, 0, 1).Span);
            var dims = Vector(file, table, 1, 8);
            long[] shape = [.. Enumerable.Range(0, dims.Length / 8).Select(d => BinaryPrimitives.ReadInt64LittleEndian(dims.Span[(8 * d)..]))];
            var type = (ElementType)Int(file, table, 2);
            if (!tensors.TryAdd(name, TensorData.FromBytes(type, shape, Vector(file, table, 3, 1))))
            {
                throw new FileFormatException($"it lists '{name}' twice.");
            }
        }

        return new OnnxAdapterFile(tensors, Int(file, root, 1), Int(file, root, 2));
    }

    /// <summary>Position of a table's field, or 0 when it is absent (and so has its default).</summary>
    private static int Field(ReadOnlyMemory<byte> file, int table, int index)
    {
        var vtable = checked(table - Read(file, table));
        var size = BinaryPrimitives.ReadUInt16LittleEndian(file.Span.Slice(vtable, 2));
        var entry = 4 + (2 * index);
        var offset = entry + 2 <= size ? BinaryPrimitives.ReadUInt16LittleEndian(file.Span.Slice(vtable + entry, 2)) : 0;
        return offset == 0 ? 0 : table + offset;
    }

    private static int Int(ReadOnlyMemory<byte> file, int table, int index) => Field(file, table, index) is var at && at != 0 ? Read(file, at) : 0;

    private static ReadOnlyMemory<byte> Vector(ReadOnlyMemory<byte> file, int table, int index, int elementSize)
    {
        if (Field(file, table, index) is not (not 0 and var at))
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        var vector = Follow(file, at);
        return file.Slice(vector + 4, Count(file, vector, elementSize) * elementSize);
    }

    private static int Count(ReadOnlyMemory<byte> file, int vector, int elementSize) =>
        Read(file, vector) is var count && count >= 0 && count <= (file.Length - vector - 4) / elementSize
            ? count
            : throw new FileFormatException($"a list at byte {vector} has {count} entries, which do not fit into the file.");

    private static int Follow(ReadOnlyMemory<byte> file, int at) =>
        (long)at + (uint)Read(file, at) is var target && target < file.Length
            ? (int)target
            : throw new FileFormatException($"an offset at byte {at} leaves the file.");

    private static int Read(ReadOnlyMemory<byte> file, int at) => BinaryPrimitives.ReadInt32LittleEndian(file.Span.Slice(at, 4));
}
