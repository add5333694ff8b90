using System.Buffers.Binary;
using System.Text;

namespace EoOnnx.Export.Tests.Checkpoints.Writing;

/// <summary>Writes pickles byte by byte, good and bad ones: each method appends one operation.</summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream _bytes = new();

    public PickleWriter(byte protocol = 2) => Raw(0x80, protocol);

    public PickleWriter Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public PickleWriter Op(char opcode) => Raw((byte)opcode);

    public PickleWriter None() => Op('N');

    public PickleWriter Boolean(bool value) => Raw(value ? (byte)0x88 : (byte)0x89);

    public PickleWriter Integer(long value)
    {
        if (value is >= 0 and < 256)
        {
            return Op('K').Raw((byte)value);
        }

        Span<byte> bytes = stackalloc byte[8];
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)value);
            return Op('J').Raw(bytes[..4]);
        }

        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Raw(0x8A, 8).Raw(bytes);
    }

    public PickleWriter Number(double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        return Op('G').Raw(bytes);
    }

    public PickleWriter Text(string value) => Announced('X', (uint)Encoding.UTF8.GetByteCount(value)).Raw(Encoding.UTF8.GetBytes(value));

    public PickleWriter Bytes(params ReadOnlySpan<byte> value) => Op('C').Raw((byte)value.Length).Raw(value);

    /// <summary>An operation with a 32-bit number, such as a length that need not be true.</summary>
    public PickleWriter Announced(char opcode, uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
        return Op(opcode).Raw(bytes);
    }

    public PickleWriter Global(string module, string name) => Op('c').Raw(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public PickleWriter Put(byte index) => Op('q').Raw(index);

    public PickleWriter Get(byte index) => Op('h').Raw(index);

    /// <summary>A call of a named function.</summary>
    public PickleWriter Call(string module, string name, Action<PickleWriter> arguments)
    {
        Global(module, name).Op('(');
        arguments(this);
        return Op('t').Op('R');
    }

    /// <summary>A tuple of whole numbers.</summary>
    public PickleWriter Tuple(params ReadOnlySpan<long> numbers)
    {
        Op('(');
        foreach (var number in numbers)
        {
            Integer(number);
        }

        return Op('t');
    }

    /// <summary>A dictionary of one entry for each name.</summary>
    public PickleWriter Dictionary(params ReadOnlySpan<(string Name, Action<PickleWriter> Value)> entries)
    {
        Op('}').Op('(');
        foreach (var (name, value) in entries)
        {
            Text(name);
            value(this);
        }

        return Op('u');
    }

    /// <summary>A tensor as PyTorch writes it.</summary>
    public PickleWriter Tensor(string storage, string key, long count, long offset, long[] shape, long[] strides, bool legacy = false, string device = "cpu") =>
        Call("torch._utils", "_rebuild_tensor_v2", writer =>
        {
            writer.Storage(storage, key, count, legacy, device).Integer(offset).Tuple(shape).Tuple(strides).Boolean(false)
                .Call("collections", "OrderedDict", _ => { });
        });

    /// <summary>A reference to a storage.</summary>
    public PickleWriter Storage(string storage, string key, long count, bool legacy = false, string device = "cpu")
    {
        Op('(').Text("storage").Global("torch", storage).Text(key).Text(device).Integer(count);
        if (legacy)
        {
            None();
        }

        return Op('t').Op('Q');
    }

    /// <summary>The pickle, ended.</summary>
    public byte[] End() => Op('.')._bytes.ToArray();

    /// <summary>What was written so far.</summary>
    public byte[] Unfinished() => _bytes.ToArray();
}
