using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;

namespace EoOnnx.Onnx;

/// <summary>
/// Writes a model as a stream: messages first, then one initializer after the other, so that no tensor is ever held twice
/// (deferred tensors exist one at a time).
/// </summary>
internal sealed class OnnxWriter
{
    private const uint GraphField = 7, InitializerField = 5, RawDataField = 9;
    private const int SmallTensor = 1024, PageAlignment = 4096, CacheLineAlignment = 64;

    private readonly ModelProto _head;
    private readonly GraphProto _body;
    private readonly List<(TensorData Data, TensorProto Header, bool Inline)> _initializers = [];
    private readonly long _graphLength;

    private OnnxWriter(OnnxModel model, Dictionary<TensorData, Reference> layout)
    {
        _head = new ModelProto { IrVersion = model.IrVersion, ProducerName = model.ProducerName };
        _head.OpsetImport.AddRange(Opsets(model).Select(opset => new OperatorSetIdProto { Domain = opset.Key, Version = opset.Value }));
        _head.MetadataProps.AddRange(model.Metadata.Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
        _body = ProtobufConversion.ToProto(model.Graph, withInitializers: false);
        foreach (var value in model.Graph.Initializers)
        {
            var external = layout.TryGetValue(value.Data!, out var reference);
            _initializers.Add((value.Data!, Header(value, external ? reference : null), !external));
        }

        _graphLength = _body.CalculateSize() + _initializers.Sum(item => Framed(TensorLength(item.Data, item.Header, item.Inline)));
        if (_head.CalculateSize() + Framed(_graphLength) > Array.MaxLength)
        {
            throw new OnnxGraphException(string.Create(CultureInfo.InvariantCulture,
                $"The model would be {_graphLength} bytes long; a single ONNX file ends at {Array.MaxLength}. Save with OnnxSaveOptions.ExternalData = true."));
        }
    }

    public static void Save(OnnxModel model, string path, OnnxSaveOptions options)
    {
        path = Path.GetFullPath(path);
        model.Graph.Sort();
        var tensors = model.Graph.Initializers.Select(value => value.Data!).Distinct().ToList();
        var external = options.IsExternal(tensors.Sum(data => data.ByteLength));
        var layout = options.ShareExternalData ? Shared(tensors, Path.GetDirectoryName(path)!) : [];
        if (external)
        {
            SaveExternalData(tensors, path, layout);
        }

        var writer = new OnnxWriter(model, layout);
        AtomicFile.Write(path, writer.Write);
    }

    public static byte[] ToBytes(OnnxModel model)
    {
        model.Graph.Sort();
        var writer = new OnnxWriter(model, []);
        var bytes = new byte[writer._head.CalculateSize() + Framed(writer._graphLength)];
        using var stream = new MemoryStream(bytes);
        writer.Write(stream);
        return bytes;
    }

    /// <summary>The tensors whose bytes already lie in a data file below the folder.</summary>
    private static Dictionary<TensorData, Reference> Shared(List<TensorData> tensors, string folder)
    {
        var current = new Dictionary<string, bool>(StringComparer.Ordinal);
        var layout = new Dictionary<TensorData, Reference>();
        foreach (var data in tensors)
        {
            if (ExternalLocation.Of(data) is { } location && location.RelativeTo(folder) is { } file)
            {
                if (!current.TryGetValue(location.Path, out var unchanged))
                {
                    current[location.Path] = unchanged = location.IsCurrent;
                }

                if (unchanged)
                {
                    layout[data] = new Reference(file, location.Offset, location.Length);
                }
            }
        }

        return layout;
    }

    private static void SaveExternalData(List<TensorData> tensors, string path, Dictionary<TensorData, Reference> layout)
    {
        var name = Path.GetFileName(path) + ".data";
        var missing = tensors.Exists(data => IsLarge(data) && !layout.ContainsKey(data));
        if (!missing)
        {
            return;
        }

        // The file that is about to be replaced cannot be referred to any longer: what lies in it is written again.
        foreach (var data in tensors.Where(data => layout.TryGetValue(data, out var reference) && reference.File == name))
        {
            layout.Remove(data);
        }

        var written = new List<(TensorData Data, long Offset)>();
        AtomicFile.Write(path + ".data", stream =>
        {
            foreach (var data in tensors.Where(data => IsLarge(data) && !layout.ContainsKey(data)))
            {
                var alignment = data.ByteLength >= PageAlignment ? PageAlignment : CacheLineAlignment;
                var offset = (stream.Position + alignment - 1) / alignment * alignment;
                stream.Write(new byte[offset - stream.Position]);
                data.Use(bytes =>
                {
                    stream.Write(bytes.Span);
                    MappedFile.ReleasePages(bytes);
                });
                written.Add((data, offset));
            }
        });
        var file = new FileInfo(path + ".data");
        foreach (var (data, offset) in written)
        {
            layout[data] = new Reference(name, offset, data.ByteLength);
            ExternalLocation.Remember(data, file, offset);
        }
    }

    private static bool IsLarge(TensorData data) => data.ByteLength >= SmallTensor;

    private void Write(Stream stream)
    {
        using var output = new CodedOutputStream(stream, 1 << 16, leaveOpen: true);
        _head.WriteTo(output);
        output.WriteTag(WireFormat.MakeTag((int)GraphField, WireFormat.WireType.LengthDelimited));
        output.WriteLength((int)_graphLength);
        _body.WriteTo(output);
        foreach (var (data, header, inline) in _initializers)
        {
            output.WriteTag(WireFormat.MakeTag((int)InitializerField, WireFormat.WireType.LengthDelimited));
            output.WriteLength((int)TensorLength(data, header, inline));
            header.WriteTo(output);
            if (inline)
            {
                output.WriteTag(WireFormat.MakeTag((int)RawDataField, WireFormat.WireType.LengthDelimited));
                output.WriteLength((int)data.ByteLength);
                output.Flush();
                data.Use(bytes => stream.Write(bytes.Span));
            }
        }

        output.Flush();
    }

    private static IEnumerable<KeyValuePair<string, long>> Opsets(OnnxModel model) =>
        model.Graph.AllNodes().Select(node => node.Domain).Append("").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(domain => KeyValuePair.Create(domain, model.Opsets.GetValueOrDefault(domain, 1)));

    private static TensorProto Header(Value value, Reference? reference)
    {
        var header = ProtobufConversion.Header(value.Name, value.Data!);
        if (reference is { } external)
        {
            header.DataLocation = TensorProto.Types.DataLocation.External;
            header.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = external.File });
            header.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = external.Offset.ToString(CultureInfo.InvariantCulture) });
            header.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = external.Length.ToString(CultureInfo.InvariantCulture) });
        }

        return header;
    }

    private static long TensorLength(TensorData data, TensorProto header, bool inline) => header.CalculateSize() + (inline ? Framed(data.ByteLength) : 0);

    /// <summary>Bytes of a length-delimited field with a one-byte tag: tag, length, content.</summary>
    private static long Framed(long length) => 1 + CodedOutputStream.ComputeLengthSize((int)Math.Min(length, int.MaxValue)) + length;

    /// <summary>A place in an external data file, as the model names it.</summary>
    private readonly record struct Reference(string File, long Offset, long Length);
}
