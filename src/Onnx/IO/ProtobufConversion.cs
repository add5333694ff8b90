using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;

namespace EoOnnx.Onnx;

/// <summary>Between <see cref="Graph"/> values and the messages of the ONNX file format, without the content of initializers.</summary>
internal static class ProtobufConversion
{
    public static ValueInfoProto ToProto(Value value)
    {
        var tensor = new TypeProto.Types.Tensor();
        if (value.Type != ElementType.Undefined)
        {
            tensor.ElemType = (int)value.Type;
        }

        if (value.Shape is { } shape)
        {
            tensor.Shape = new TensorShapeProto();
            foreach (var dim in shape)
            {
                var proto = new TensorShapeProto.Types.Dimension();
                if (dim.Value is { } extent)
                {
                    proto.DimValue = extent;
                }
                else if (dim.Symbol is { } symbol)
                {
                    proto.DimParam = symbol;
                }

                tensor.Shape.Dim.Add(proto);
            }
        }

        return new ValueInfoProto { Name = value.Name, Type = new TypeProto { TensorType = tensor } };
    }

    public static NodeProto ToProto(Node node)
    {
        var proto = new NodeProto { Name = node.Name, OpType = node.OpType };
        if (node.Domain.Length > 0)
        {
            proto.Domain = node.Domain;
        }

        proto.Input.AddRange(node.Inputs.Select(input => input?.Name ?? ""));
        proto.Output.AddRange(node.Outputs.Select(output => output?.Name ?? ""));
        proto.Attribute.AddRange(node.Attributes.Select(attribute => ToProto(attribute.Key, attribute.Value.Content)));
        return proto;
    }

    /// <summary>A graph with its nodes, inputs and outputs; initializers only when <paramref name="withInitializers"/>.</summary>
    public static GraphProto ToProto(Graph graph, bool withInitializers)
    {
        var proto = new GraphProto { Name = graph.Name };
        proto.Node.AddRange(graph.Nodes.Select(ToProto));
        proto.Input.AddRange(graph.Inputs.Select(ToProto));
        proto.Output.AddRange(graph.Outputs.Select(ToProto));
        if (withInitializers)
        {
            proto.Initializer.AddRange(graph.Initializers.Select(value => ToProto(value.Name, value.Data!)));
        }

        return proto;
    }

    public static TensorProto Header(string name, TensorData data)
    {
        var proto = new TensorProto { Name = name, DataType = (int)data.Type };
        proto.Dims.AddRange(data.Shape);
        return proto;
    }

    public static TensorProto ToProto(string name, TensorData data)
    {
        var proto = Header(name, data);
        proto.RawData = ByteString.CopyFrom(data.Bytes.Span);
        return proto;
    }

    private static AttributeProto ToProto(string name, object content)
    {
        var proto = new AttributeProto { Name = name };
        switch (content)
        {
            case long number: (proto.Type, proto.I) = (AttributeProto.Types.AttributeType.Int, number); break;
            case float number: (proto.Type, proto.F) = (AttributeProto.Types.AttributeType.Float, number); break;
            case string text: (proto.Type, proto.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(text)); break;
            case byte[] text: (proto.Type, proto.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFrom(text)); break;
            case TensorData tensor: (proto.Type, proto.T) = (AttributeProto.Types.AttributeType.Tensor, ToProto("", tensor)); break;
            case Graph graph: (proto.Type, proto.G) = (AttributeProto.Types.AttributeType.Graph, ToProto(graph, withInitializers: true)); break;
            case long[] numbers: proto.Type = AttributeProto.Types.AttributeType.Ints; proto.Ints.AddRange(numbers); break;
            case float[] numbers: proto.Type = AttributeProto.Types.AttributeType.Floats; proto.Floats.AddRange(numbers); break;
            case string[] texts: proto.Type = AttributeProto.Types.AttributeType.Strings; proto.Strings.AddRange(texts.Select(ByteString.CopyFromUtf8)); break;
            case byte[][] texts: proto.Type = AttributeProto.Types.AttributeType.Strings; proto.Strings.AddRange(texts.Select(text => ByteString.CopyFrom(text))); break;
            case TensorData[] tensors: proto.Type = AttributeProto.Types.AttributeType.Tensors; proto.Tensors.AddRange(tensors.Select(tensor => ToProto("", tensor))); break;
            case Graph[] graphs: proto.Type = AttributeProto.Types.AttributeType.Graphs; proto.Graphs.AddRange(graphs.Select(graph => ToProto(graph, withInitializers: true))); break;
            default: throw new OnnxGraphException($"Attribute {name} holds {content.GetType()}, which ONNX cannot store.");
        }

        return proto;
    }

    public static (ElementType Type, TensorShape? Shape) ReadType(ValueInfoProto proto)
    {
        if (proto.Type is null)
        {
            return (ElementType.Undefined, null);
        }

        if (proto.Type.ValueCase != TypeProto.ValueOneofCase.TensorType)
        {
            throw new OnnxFormatException($"{Describe(proto.Name)} is of kind {proto.Type.ValueCase}; only tensors are supported.");
        }

        var tensor = proto.Type.TensorType;
        return (ReadElementType(tensor.ElemType, proto.Name), tensor.Shape is null ? null : new TensorShape(tensor.Shape.Dim.Select(dim => dim.ValueCase switch
        {
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => dim.DimValue >= 0 ? dim.DimValue
                : throw new OnnxFormatException($"{Describe(proto.Name)} has the negative extent {dim.DimValue}."),
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam => dim.DimParam.Length > 0 ? dim.DimParam : Dim.Unknown,
            _ => Dim.Unknown,
        })));
    }

    public static ElementType ReadElementType(int number, string name) => number == 0 || Enum.IsDefined((ElementType)number)
        ? (ElementType)number
        : throw new OnnxFormatException($"{Describe(name)} has element type {number}, which is not supported.");

    /// <summary>The content of a tensor that does not lie in an external file.</summary>
    public static TensorData ReadTensor(TensorProto proto)
    {
        if (proto.DataLocation == TensorProto.Types.DataLocation.External)
        {
            throw new OnnxFormatException($"{Describe(proto.Name)} refers to external data, which is only allowed for initializers of the main graph.");
        }

        return ReadTensor(proto, proto.HasRawData ? proto.RawData.Memory : null);
    }

    /// <summary>The content of a tensor from its raw bytes, else from its typed fields.</summary>
    public static TensorData ReadTensor(TensorProto proto, ReadOnlyMemory<byte>? raw)
    {
        var type = ReadElementType(proto.DataType, proto.Name);
        if (type is ElementType.Undefined or ElementType.String || proto.Segment is not null)
        {
            throw new OnnxFormatException($"{Describe(proto.Name)} holds {type}{(proto.Segment is null ? "" : " in segments")}; expected numbers in one piece.");
        }

        try
        {
            long[] shape = [.. proto.Dims];
            if (raw is { } bytes)
            {
                return TensorData.FromBytes(type, shape, bytes);
            }

            var count = TensorData.CountOf(shape);
            var fields = type switch
            {
                ElementType.Float => Bytes<float>(proto.FloatData),
                ElementType.Double => Bytes<double>(proto.DoubleData),
                ElementType.Int64 => Bytes<long>(proto.Int64Data),
                ElementType.UInt64 => Bytes<ulong>(proto.Uint64Data),
                ElementType.UInt32 => Narrow<ulong, uint>(proto.Uint64Data, number => (uint)number),
                ElementType.Int32 => Bytes<int>(proto.Int32Data),
                ElementType.Int16 or ElementType.UInt16 or ElementType.Float16 or ElementType.BFloat16 => Narrow<int, ushort>(proto.Int32Data, number => (ushort)number),
                _ => Narrow<int, byte>(proto.Int32Data, number => (byte)number),
            };
            return fields.Length == count * type.SizeInBytes()
                ? TensorData.FromBytes(type, shape, fields)
                : throw new FileFormatException($"its shape [{string.Join(", ", shape)}] has {count} elements, but {fields.Length / type.SizeInBytes()} are stored");
        }
        catch (FileFormatException failure) when (failure is not OnnxFormatException)
        {
            throw new OnnxFormatException($"{Describe(proto.Name)} is damaged: {failure.Message}", failure);
        }

        static byte[] Bytes<T>(IReadOnlyCollection<T> values) where T : unmanaged => MemoryMarshal.AsBytes<T>(values.ToArray()).ToArray();

        static byte[] Narrow<TFrom, TTo>(IReadOnlyCollection<TFrom> values, Func<TFrom, TTo> convert) where TTo : unmanaged =>
            MemoryMarshal.AsBytes<TTo>(values.Select(convert).ToArray()).ToArray();
    }

    public static object ReadAttribute(AttributeProto proto, Func<GraphProto, Graph> readGraph)
    {
        if (proto.HasRefAttrName)
        {
            throw new OnnxFormatException($"Attribute {proto.Name} refers to {proto.RefAttrName} of a function; functions are not supported.");
        }

        var type = proto.Type != AttributeProto.Types.AttributeType.Undefined ? proto.Type : Guess(proto);
        return type switch
        {
            AttributeProto.Types.AttributeType.Int => proto.I,
            AttributeProto.Types.AttributeType.Float => proto.F,
            AttributeProto.Types.AttributeType.String => Text(proto.S),
            AttributeProto.Types.AttributeType.Tensor when proto.T is not null => ReadTensor(proto.T),
            AttributeProto.Types.AttributeType.Graph when proto.G is not null => readGraph(proto.G),
            AttributeProto.Types.AttributeType.Ints => proto.Ints.ToArray(),
            AttributeProto.Types.AttributeType.Floats => proto.Floats.ToArray(),
            AttributeProto.Types.AttributeType.Strings => proto.Strings.All(text => Text(text) is string)
                ? proto.Strings.Select(text => text.ToStringUtf8()).ToArray()
                : proto.Strings.Select(text => text.ToByteArray()).ToArray(),
            AttributeProto.Types.AttributeType.Tensors => proto.Tensors.Select(ReadTensor).ToArray(),
            AttributeProto.Types.AttributeType.Graphs => proto.Graphs.Select(readGraph).ToArray(),
            _ => throw new OnnxFormatException($"Attribute {proto.Name} is of kind {type}, which is not supported."),
        };
    }

    public static string Describe(string name) => string.Create(CultureInfo.InvariantCulture, $"Tensor '{(name.Length > 120 ? name[..120] + "…" : name)}'");

    private static AttributeProto.Types.AttributeType Guess(AttributeProto proto) =>
        proto.HasI ? AttributeProto.Types.AttributeType.Int
        : proto.HasF ? AttributeProto.Types.AttributeType.Float
        : proto.HasS ? AttributeProto.Types.AttributeType.String
        : proto.T is not null ? AttributeProto.Types.AttributeType.Tensor
        : proto.G is not null ? AttributeProto.Types.AttributeType.Graph
        : proto.Floats.Count > 0 ? AttributeProto.Types.AttributeType.Floats
        : proto.Strings.Count > 0 ? AttributeProto.Types.AttributeType.Strings
        : AttributeProto.Types.AttributeType.Ints;

    private static object Text(ByteString bytes)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            return bytes.ToByteArray(); // legal: ONNX strings are bytes
        }
    }
}
