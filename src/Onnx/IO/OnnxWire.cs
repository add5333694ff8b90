using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;

namespace EoOnnx.Onnx;

/// <summary>
/// Takes a serialized model apart without copying weights: the model without its graph, the graph without its initializers,
/// and each initializer as a small header and a slice of the file.
/// </summary>
internal static class OnnxWire
{
    private const int GraphField = 7, InitializerField = 5, RawDataField = 9;

    /// <summary>An initializer: everything but its raw content, and where that lies.</summary>
    public readonly record struct Initializer(TensorProto Header, ReadOnlyMemory<byte>? Raw);

    public readonly record struct Parts(byte[] Head, byte[] Graph, IReadOnlyList<Initializer> Initializers);

    public static Parts Split(ReadOnlyMemory<byte> model)
    {
        var head = new MemoryStream();
        var graph = new MemoryStream();
        var initializers = new List<Initializer>();
        Walk(model, (field, whole, content) =>
        {
            if (field != GraphField)
            {
                head.Write(whole.Span);
                return;
            }

            Walk(content, (inner, innerWhole, innerContent) =>
            {
                if (inner == InitializerField)
                {
                    initializers.Add(Tensor(innerContent));
                }
                else
                {
                    graph.Write(innerWhole.Span);
                }
            });
        });
        return new Parts(head.ToArray(), graph.ToArray(), initializers);
    }

    private static Initializer Tensor(ReadOnlyMemory<byte> tensor)
    {
        var header = new MemoryStream();
        ReadOnlyMemory<byte>? raw = null;
        Walk(tensor, (field, whole, content) =>
        {
            if (field == RawDataField)
            {
                raw = content;
            }
            else
            {
                header.Write(whole.Span);
            }
        });
        return new Initializer(TensorProto.Parser.ParseFrom(header.ToArray()), raw);
    }

    /// <summary>Visits each field of a message: its number, its bytes with tag, and its content when it is length-delimited.</summary>
    private static void Walk(ReadOnlyMemory<byte> message, Action<int, ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> visit)
    {
        var span = message.Span;
        var position = 0;
        while (position < span.Length)
        {
            var start = position;
            var tag = ReadVarint(span, ref position);
            var field = tag >> 3;
            if (field is 0 or > int.MaxValue)
            {
                throw new OnnxFormatException($"Field number {field} at byte {start} is not a protocol-buffer field: this is not an ONNX file, or it is damaged.");
            }

            var content = ReadOnlyMemory<byte>.Empty;
            switch (tag & 7)
            {
                case 0: ReadVarint(span, ref position); break;
                case 1: position = Advance(position, 8, span.Length); break;
                case 5: position = Advance(position, 4, span.Length); break;
                case 2:
                    var length = ReadVarint(span, ref position);
                    var end = Advance(position, length, span.Length);
                    content = message[position..end];
                    position = end;
                    break;
                default:
                    throw new OnnxFormatException($"Wire type {tag & 7} at byte {start} is not used by ONNX: this is not an ONNX file, or it is damaged.");
            }

            visit((int)field, message[start..position], content);
        }
    }

    private static int Advance(int position, ulong length, int end) => length <= (ulong)(end - position)
        ? position + (int)length
        : throw new OnnxFormatException($"A field of {length} bytes starts at byte {position}, but only {end - position} are left: the file is truncated or damaged.");

    private static ulong ReadVarint(ReadOnlySpan<byte> span, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (position >= span.Length)
            {
                throw new OnnxFormatException($"The file ends inside a number at byte {position}: it is truncated.");
            }

            var part = span[position++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new OnnxFormatException($"A number longer than 64 bits ends at byte {position}: the file is damaged.");
    }
}
