using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Pickles;

/// <summary>
/// Reads one pickle as data. The machine of a pickle can import any function and call it; here a class or function is only its name, a call
/// only a <see cref="PickleRecord"/> of what would be called with what. Nothing is imported, looked up or executed.
/// </summary>
/// <remarks>
/// Memory is bounded by the pickle's length: every length is compared with the bytes that are left before anything is allocated, a memo
/// index may not exceed the pickle's length, and the number of objects is limited. There is no recursion. The result may contain loops;
/// <see cref="PickleWalk"/> cuts them.
/// </remarks>
internal sealed class PickleReader
{
    /// <summary>Module of the record that stands for an object outside the pickle; its only argument is the object's identifier.</summary>
    public const string PersistentModule = "<persistent>";

    private const int MaximumIntegerBytes = 1024;
    private const int MaximumNameBytes = 4096;

    private static readonly PickleInteger[] SmallIntegers = [.. Enumerable.Range(0, 256).Select(value => new PickleInteger(value))];
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    private readonly ReadOnlyMemory<byte> _pickle;
    private readonly long _maximumObjects;
    private readonly List<PickleValue> _stack = [];
    private readonly List<int> _marks = [];
    private readonly List<PickleRecord> _persistent = [];
    private PickleValue?[] _memo = new PickleValue?[64];
    private int _memoCount;
    private int _position;
    private long _objects;

    private PickleReader(ReadOnlyMemory<byte> pickle)
    {
        _pickle = pickle;
        _maximumObjects = 100_000 + (pickle.Length / 2);   // genuine pickles spend 10 bytes and more on an object
    }

    /// <summary>Reads the pickle at the start of <paramref name="pickle"/>; more bytes may follow it.</summary>
    /// <exception cref="FileFormatException">Truncated, malformed, or larger than its length can justify; the message names the byte, not
    /// the file.</exception>
    public static PickleDocument Read(ReadOnlyMemory<byte> pickle)
    {
        var reader = new PickleReader(pickle);
        try
        {
            var value = reader.Run();
            return new PickleDocument(value, reader._position, reader._persistent);
        }
        catch (FileFormatException failure)
        {
            throw new FileFormatException($"byte {reader._position} of the pickle: {failure.Message}", failure);
        }
        finally
        {
            GC.KeepAlive(reader);   // the spans below point into a mapping that the reader holds
        }
    }

    private PickleValue Run()
    {
        while (true)
        {
            var opcode = (PickleOpcode)Take(1)[0];
            switch (opcode)
            {
                case PickleOpcode.Protocol:
                    if (Take(1)[0] is var protocol and (< 2 or > 5))
                    {
                        throw new FileFormatException($"it has protocol {protocol}; 2 to 5 can be read. Save it again with pickle_protocol=2.");
                    }

                    break;
                case PickleOpcode.Frame: Length(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))); break;
                case PickleOpcode.Stop: return Pop();
                case PickleOpcode.Mark: _marks.Add(_stack.Count); break;
                case PickleOpcode.Pop: PopOrMark(); break;
                case PickleOpcode.PopMark: PopToMark(); break;
                case PickleOpcode.Duplicate: _stack.Add(Top()); break;

                case PickleOpcode.None: _stack.Add(PickleNone.Instance); break;
                case PickleOpcode.True: _stack.Add(PickleBoolean.True); break;
                case PickleOpcode.False: _stack.Add(PickleBoolean.False); break;
                case PickleOpcode.BinaryInteger1: _stack.Add(SmallIntegers[Take(1)[0]]); break;
                case PickleOpcode.BinaryInteger2: Push(new PickleInteger(BinaryPrimitives.ReadUInt16LittleEndian(Take(2)))); break;
                case PickleOpcode.BinaryInteger: Push(new PickleInteger(BinaryPrimitives.ReadInt32LittleEndian(Take(4)))); break;
                case PickleOpcode.Long1: Push(Integer(Take(1)[0])); break;
                case PickleOpcode.Long4: Push(Integer(Length(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))))); break;
                case PickleOpcode.BinaryFloat: Push(new PickleNumber(BinaryPrimitives.ReadDoubleBigEndian(Take(8)))); break;

                case PickleOpcode.ShortBinaryText: Push(Text(Take(1)[0])); break;
                case PickleOpcode.BinaryText: Push(Text(Length(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))))); break;
                case PickleOpcode.BinaryText8: Push(Text(Length(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))))); break;
                case PickleOpcode.ShortBinaryString: Push(Text(Take(1)[0])); break;
                case PickleOpcode.BinaryString: Push(Text(Length(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))))); break;
                case PickleOpcode.ShortBinaryBytes: Push(Bytes(Take(1)[0])); break;
                case PickleOpcode.BinaryBytes: Push(Bytes(Length(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))))); break;
                case PickleOpcode.BinaryBytes8 or PickleOpcode.ByteArray8: Push(Bytes(Length(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))))); break;

                case PickleOpcode.EmptyTuple: Push(new PickleSequence(PickleSequenceKind.Tuple, [])); break;
                case PickleOpcode.Tuple1: Push(new PickleSequence(PickleSequenceKind.Tuple, PopLast(1))); break;
                case PickleOpcode.Tuple2: Push(new PickleSequence(PickleSequenceKind.Tuple, PopLast(2))); break;
                case PickleOpcode.Tuple3: Push(new PickleSequence(PickleSequenceKind.Tuple, PopLast(3))); break;
                case PickleOpcode.Tuple: Push(new PickleSequence(PickleSequenceKind.Tuple, PopToMark())); break;
                case PickleOpcode.EmptyList: Push(new PickleSequence(PickleSequenceKind.List, [])); break;
                case PickleOpcode.EmptySet: Push(new PickleSequence(PickleSequenceKind.Set, [])); break;
                case PickleOpcode.FrozenSet: Push(new PickleSequence(PickleSequenceKind.Set, PopToMark())); break;
                case PickleOpcode.EmptyDictionary: Push(new PickleMapping()); break;
                case PickleOpcode.Append: Append(PopLast(1)); break;
                case PickleOpcode.Appends or PickleOpcode.AddItems: Append(PopToMark()); break;
                case PickleOpcode.SetItem: SetItems(PopLast(2)); break;
                case PickleOpcode.SetItems: SetItems(PopToMark()); break;

                case PickleOpcode.Global: Push(new PickleRecord(Line(), Line())); break;
                case PickleOpcode.StackGlobal: StackGlobal(); break;
                case PickleOpcode.Reduce or PickleOpcode.NewObject: Call(keywords: null); break;
                case PickleOpcode.NewObjectWithKeywords: Call(keywords: Pop()); break;
                case PickleOpcode.Build: Build(); break;
                case PickleOpcode.BinaryPersistentId: PersistentId(); break;

                case PickleOpcode.BinaryPut: Put(Take(1)[0]); break;
                case PickleOpcode.LongBinaryPut: Put(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
                case PickleOpcode.Memoize: Put((uint)_memoCount); break;
                case PickleOpcode.BinaryGet: Get(Take(1)[0]); break;
                case PickleOpcode.LongBinaryGet: Get(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;

                default:
                    throw new FileFormatException($"the operation 0x{(byte)opcode:X2} is not one that checkpoints use. The file is damaged, or no pickle of protocol 2 to 5.");
            }
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _pickle.Length - _position)
        {
            throw new FileFormatException($"{length} more bytes are expected; {_pickle.Length - _position} are left. The file is truncated or damaged.");
        }

        var bytes = _pickle.Span.Slice(_position, length);
        _position += length;
        return bytes;
    }

    /// <summary>A length that the bytes which are left can hold.</summary>
    private int Length(ulong length) => length <= (ulong)(_pickle.Length - _position)
        ? (int)length
        : throw new FileFormatException($"a value of {length} bytes is announced; {_pickle.Length - _position} are left. The file is truncated or damaged.");

    private void Push(PickleValue value)
    {
        if (++_objects > _maximumObjects)
        {
            throw new FileFormatException($"it makes more than {_maximumObjects} objects, which its {_pickle.Length} bytes do not justify. Refused, to bound memory.");
        }

        _stack.Add(value);
    }

    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private PickleValue Top() => _stack.Count > Floor ? _stack[^1] : throw new FileFormatException("an operation finds nothing on the stack.");

    private PickleValue Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private void PopOrMark()
    {
        if (_stack.Count > Floor || _marks.Count == 0)
        {
            Pop();
        }
        else
        {
            _marks.RemoveAt(_marks.Count - 1);
        }
    }

    private List<PickleValue> PopLast(int count)
    {
        if (_stack.Count - Floor < count)
        {
            throw new FileFormatException($"an operation needs {count} values on the stack; there are {_stack.Count - Floor}.");
        }

        var values = _stack.GetRange(_stack.Count - count, count);
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private List<PickleValue> PopToMark()
    {
        if (_marks.Count == 0)
        {
            throw new FileFormatException("an operation finds no mark on the stack.");
        }

        var values = PopLast(_stack.Count - Floor);
        _marks.RemoveAt(_marks.Count - 1);
        return values;
    }

    private PickleInteger Integer(int length) => length <= MaximumIntegerBytes
        ? new PickleInteger(new BigInteger(Take(length)))
        : throw new FileFormatException($"a whole number has {length} bytes; at most {MaximumIntegerBytes} are read.");

    // Python writes a lone surrogate as three bytes that are no UTF-8; the replacement character keeps the rest readable.
    private PickleText Text(int length) => new(Utf8.GetString(Take(length)));

    private PickleBytes Bytes(int length)
    {
        var start = _position;
        Take(length);
        return new PickleBytes(_pickle.Slice(start, length));
    }

    private string Line()
    {
        var rest = _pickle.Span[_position..];
        var length = rest[..Math.Min(rest.Length, MaximumNameBytes)].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw new FileFormatException($"the name of a class has no end within {MaximumNameBytes} bytes.");
        }

        var text = Utf8.GetString(Take(length));
        _position++;
        return text;
    }

    private void StackGlobal()
    {
        var names = PopLast(2);
        Push(names is [PickleText module, PickleText name]
            ? new PickleRecord(module.Value, name.Value)
            : throw new FileFormatException($"a class is named by {names[0].Kind} and {names[1].Kind}; expected two texts."));
    }

    private void Call(PickleValue? keywords)
    {
        var values = PopLast(2);
        if (values[1] is not PickleSequence { Form: PickleSequenceKind.Tuple } arguments)
        {
            throw new FileFormatException($"a call has {values[1].Kind} as its arguments; expected a tuple.");
        }

        var callee = values[0] as PickleRecord
            ?? throw new FileFormatException($"a call is of {values[0].Kind}; expected a class or function.");
        // A callable that is itself the result of a call is kept as an argument, so that nothing of the file is lost.
        var record = callee.IsReference
            ? new PickleRecord(callee.Module, callee.Name, arguments.Items)
            : new PickleRecord(callee.Module, callee.Name + "()", [callee, .. arguments.Items]);
        if (keywords is not null)
        {
            record.SetKeywords(keywords);
        }

        _objects += arguments.Items.Count;
        Push(record);
    }

    private void Build()
    {
        var state = Pop();
        if (Top() is PickleRecord { IsReference: false } record)
        {
            record.SetState(state);
        }
        else if (Top() is not PickleMapping)
        {
            throw new FileFormatException($"a state is given to {Top().Kind}; expected an object.");
        }
    }

    private void Append(List<PickleValue> items)
    {
        switch (Top())
        {
            case PickleSequence { Form: not PickleSequenceKind.Tuple } sequence: items.ForEach(sequence.Add); break;
            case PickleRecord { IsReference: false } record: items.ForEach(record.AddItem); break;
            case var other: throw new FileFormatException($"elements are added to {other.Kind}; expected a list or a set.");
        }
    }

    private void SetItems(List<PickleValue> items)
    {
        var mapping = Top() switch
        {
            PickleMapping plain => plain,
            PickleRecord { IsReference: false } record => record.Dictionary,
            var other => throw new FileFormatException($"entries are added to {other.Kind}; expected a dictionary."),
        };
        if (items.Count % 2 != 0)
        {
            throw new FileFormatException($"a dictionary is given {items.Count} keys and values; expected an even number.");
        }

        for (var i = 0; i < items.Count; i += 2)
        {
            mapping.Add(items[i], items[i + 1]);
        }
    }

    private void PersistentId()
    {
        var record = new PickleRecord(PersistentModule, "", [Pop()]);
        _persistent.Add(record);
        Push(record);
    }

    private void Put(uint index)
    {
        if (index >= (uint)_pickle.Length)
        {
            throw new FileFormatException($"value number {index} is to be remembered, but {_pickle.Length} bytes cannot make so many.");
        }

        if (index >= (uint)_memo.Length)
        {
            Array.Resize(ref _memo, (int)Math.Min(Math.Max(2L * _memo.Length, index + 1L), _pickle.Length));
        }

        _memoCount += _memo[index] is null ? 1 : 0;
        _memo[index] = Top();
    }

    private void Get(uint index) => _stack.Add(index < (uint)_memo.Length && _memo[index] is { } value
        ? value
        : throw new FileFormatException($"value number {index} is recalled before it was made."));
}

/// <summary>What one pickle holds.</summary>
/// <param name="Root">The value, raw: calls are records, loops are possible.</param>
/// <param name="Length">Bytes of the pickle; what follows belongs to the file.</param>
/// <param name="Persistent">Every reference to an object outside the pickle.</param>
internal sealed record PickleDocument(PickleValue Root, int Length, IReadOnlyList<PickleRecord> Persistent);
