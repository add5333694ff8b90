using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;

namespace EoOnnx.Onnx;

/// <summary>
/// Writes a model as a stream: messages first, then one initializer after the other, so that no tensor is ever held twice
/// (deferred tensors exist one at a time).
/// </summary>
internal static class OnnxWriter
{
    private const uint GraphField = 7, InitializerField = 5, RawDataField = 9;
    private const int SmallTensor = 1024, PageAlignment = 4096, CacheLineAlignment = 64;

    public static void Save(OnnxModel model, string path, OnnxSaveOptions options)
    {
        model.Graph.Sort();
        var weights = model.Graph.Initializers.Sum(value => value.Data!.ByteLength);
        var external = options.ExternalData ?? weights > options.InlineLimit;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var layout = new Dictionary<Value, ExternalLocation>();
        if (options.ShareExternalData)
        {
            foreach (var value in model.Graph.Initializers)
            {
                if (model.ExternalLocations.TryGetValue(value, out var location) && File.Exists(Path.Combine(folder, location.File)))
                {
                    layout[value] = location;
                }
            }
        }

        if (external)
        {
            SaveExternalData(model, path, layout);
        }

        AtomicFile.Write(path, stream => Write(model, stream, layout));
    }

    public static byte[] ToBytes(OnnxModel model)
    {
        model.Graph.Sort();
        using var stream = new MemoryStream();
        Write(model, stream, []);
        return stream.ToArray();
    }

    private static void SaveExternalData(OnnxModel model, string path, Dictionary<Value, ExternalLocation> layout)
    {
        var name = Path.GetFileName(path) + ".data";
        var values = model.Graph.Initializers.Where(value => value.Data!.ByteLength >= SmallTensor && !layout.ContainsKey(value)).ToList();
        if (values.Count == 0)
        {
            return;
        }

        AtomicFile.Write(path + ".data", stream =>
        {
            foreach (var value in values)
            {
                var length = value.Data!.ByteLength;
                var alignment = length >= PageAlignment ? PageAlignment : CacheLineAlignment;
                var offset = (stream.Position + alignment - 1) / alignment * alignment;
                stream.Write(new byte[offset - stream.Position]);
                stream.Write(value.Data.Bytes.Span);
                layout[value] = new ExternalLocation(name, offset, length);
            }
        });
    }

    private static void Write(OnnxModel model, Stream stream, Dictionary<Value, ExternalLocation> layout)
    {
        var head = new ModelProto { IrVersion = model.IrVersion, ProducerName = model.ProducerName };
        head.OpsetImport.AddRange(Opsets(model).Select(opset => new OperatorSetIdProto { Domain = opset.Key, Version = opset.Value }));
        head.MetadataProps.AddRange(model.Metadata.Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
        var body = ProtobufConversion.ToProto(model.Graph, withInitializers: false);
        var initializers = model.Graph.Initializers.Select(value => (Value: value, Header: Header(value, layout))).ToList();
        var graphLength = body.CalculateSize() + initializers.Sum(item => Framed(TensorLength(item.Value, item.Header, layout)));
        if (graphLength > int.MaxValue)
        {
            throw new OnnxGraphException(string.Create(CultureInfo.InvariantCulture,
                $"The model would be {graphLength} bytes long; a single ONNX file ends at {int.MaxValue}. Save with OnnxSaveOptions.ExternalData = true."));
        }

        using var output = new CodedOutputStream(stream, 1 << 16, leaveOpen: true);
        head.WriteTo(output);
        output.WriteTag(WireFormat.MakeTag((int)GraphField, WireFormat.WireType.LengthDelimited));
        output.WriteLength((int)graphLength);
        body.WriteTo(output);
        foreach (var (value, header) in initializers)
        {
            output.WriteTag(WireFormat.MakeTag((int)InitializerField, WireFormat.WireType.LengthDelimited));
            output.WriteLength((int)TensorLength(value, header, layout));
            header.WriteTo(output);
            if (!layout.ContainsKey(value))
            {
                output.WriteTag(WireFormat.MakeTag((int)RawDataField, WireFormat.WireType.LengthDelimited));
                output.WriteLength((int)value.Data!.ByteLength);
                output.Flush();
                stream.Write(value.Data.Bytes.Span);
            }
        }

        output.Flush();
    }

    private static IEnumerable<KeyValuePair<string, long>> Opsets(OnnxModel model)
    {
        var domains = model.Graph.Nodes.Select(node => node.Domain).Append("").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return domains.Select(domain => KeyValuePair.Create(domain, model.Opsets.GetValueOrDefault(domain, 1)));
    }

    private static TensorProto Header(Value value, Dictionary<Value, ExternalLocation> layout)
    {
        var header = ProtobufConversion.Header(value.Name, value.Data!);
        if (layout.TryGetValue(value, out var location))
        {
            header.DataLocation = TensorProto.Types.DataLocation.External;
            header.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location.File });
            header.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = location.Offset.ToString(CultureInfo.InvariantCulture) });
            header.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = location.Length.ToString(CultureInfo.InvariantCulture) });
        }

        return header;
    }

    private static long TensorLength(Value value, TensorProto header, Dictionary<Value, ExternalLocation> layout) =>
        header.CalculateSize() + (layout.ContainsKey(value) ? 0 : Framed(value.Data!.ByteLength));

    /// <summary>Bytes of a length-delimited field with a one-byte tag: tag, length, content.</summary>
    private static long Framed(long length) => 1 + CodedOutputStream.ComputeLengthSize(checked((int)Math.Min(length, int.MaxValue))) + length;
}

/// <summary>Where an initializer lies outside the model file.</summary>
/// <param name="File">File name, relative to the model's folder.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
internal sealed record ExternalLocation(string File, long Offset, long Length);
