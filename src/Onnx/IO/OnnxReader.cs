using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;

namespace EoOnnx.Onnx;

/// <summary>
/// Reads a model from untrusted bytes. The content of the main graph's initializers is not copied: it stays a slice of the
/// mapped file. Every defect ends in an <see cref="OnnxFormatException"/>.
/// </summary>
internal sealed class OnnxReader
{
    private const int MaximumDepth = 32;
    private readonly HashSet<string> _nodeNames = new(StringComparer.Ordinal);
    private int _renamed;
    private readonly string _name;
    private readonly string? _folder;
    private readonly Func<long, long, ReadOnlyMemory<byte>> _slice;
    private readonly Dictionary<string, (MappedFile Mapped, FileInfo Info)> _externalFiles = new(StringComparer.Ordinal);

    private OnnxReader(string name, string? folder, Func<long, long, ReadOnlyMemory<byte>> slice) => (_name, _folder, _slice) = (name, folder, slice);

    public static OnnxModel Load(string path)
    {
        var file = MappedFile.Open(path);
        if (file.Length > int.MaxValue)
        {
            throw new OnnxFormatException($"{path} has {file.Length} bytes; a single ONNX file ends at {int.MaxValue}. Larger models keep weights in external data.");
        }

        return new OnnxReader(path, Path.GetDirectoryName(Path.GetFullPath(path)), file.Slice).Read(file.Slice(0, file.Length));
    }

    public static OnnxModel Parse(ReadOnlyMemory<byte> bytes, string? folder) =>
        new OnnxReader("The model", folder, (offset, length) => bytes.Slice((int)offset, (int)length)).Read(bytes);

    private OnnxModel Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var wire = OnnxWire.Split(bytes);
            var model = ModelProto.Parser.ParseFrom(wire.Head);
            if (model.Functions.Count > 0)
            {
                throw new OnnxFormatException($"{_name} defines {model.Functions.Count} functions ({model.Functions[0].Name} …); export it with functions inlined.");
            }

            var proto = GraphProto.Parser.ParseFrom(wire.Graph);
            if (model.IrVersion < 4)
            {
                // Until version 3 constants had to be listed as inputs; that did not make them overridable.
                var constants = wire.Initializers.Select(initializer => initializer.Header.Name).ToHashSet(StringComparer.Ordinal);
                ValueInfoProto[] inputs = [.. proto.Input.Where(input => !constants.Contains(input.Name))];
                proto.Input.Clear();
                proto.Input.AddRange(inputs);
            }

            var graph = ReadGraph(proto, wire.Initializers, new NameScope(null), depth: 0);
            var result = new OnnxModel(graph) { IrVersion = model.IrVersion, ProducerName = model.ProducerName };
            result.Opsets.Clear();
            foreach (var opset in model.OpsetImport)
            {
                result.Opsets[opset.Domain == "ai.onnx" ? "" : opset.Domain] = opset.Version;
            }

            foreach (var entry in model.MetadataProps)
            {
                result.Metadata[entry.Key] = entry.Value;
            }

            return result;
        }
        catch (Exception failure) when (failure is InvalidProtocolBufferException or OverflowException or OnnxGraphException or ArgumentException
            || (failure is FileFormatException && !failure.Message.StartsWith(_name, StringComparison.Ordinal)))
        {
            throw new OnnxFormatException($"{_name} is not a readable ONNX model: {failure.Message} Expected a complete file as an exporter wrote it; get it again.", failure);
        }
    }

    private Graph ReadGraph(GraphProto proto, IReadOnlyList<OnnxWire.Initializer>? initializers, NameScope scope, int depth)
    {
        if (depth > MaximumDepth)
        {
            throw new OnnxFormatException($"{_name} nests graphs more than {MaximumDepth} deep.");
        }

        if (proto.SparseInitializer.Count > 0)
        {
            throw new OnnxFormatException($"{_name} has sparse initializers, which are not supported; export dense ones.");
        }

        var graph = new Graph(proto.Name);
        var builder = new GraphBuilder(graph);
        foreach (var input in proto.Input)
        {
            var (type, shape) = ProtobufConversion.ReadType(input);
            Define(input.Name, builder.Input(input.Name, type, shape!));
        }

        foreach (var (header, raw) in initializers?.Select(item => (item.Header, item.Raw)) ?? proto.Initializer.Select(tensor => (tensor, tensor.HasRawData ? tensor.RawData.Memory : (ReadOnlyMemory<byte>?)null)))
        {
            var data = Content(header, raw);
            if (scope.FindOwn(header.Name) is { Data: null } input)
            {
                input.Data = data;
                graph.AddInitializer(input);
            }
            else
            {
                Define(header.Name, builder.Initializer(header.Name, data));
            }
        }

        var declared = proto.ValueInfo.Concat(proto.Output).Where(info => info.Type?.ValueCase == TypeProto.ValueOneofCase.TensorType)
            .GroupBy(info => info.Name, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        foreach (var node in proto.Node)
        {
            ReadNode(graph, node, scope, declared, depth);
        }

        foreach (var output in proto.Output)
        {
            graph.AddOutput(scope.Find(output.Name)
                ?? throw new OnnxFormatException($"{_name}: output '{output.Name}' is made by no node."));
        }

        return graph;

        void Define(string name, Value value) => this.Define(scope, name, value);
    }

    private void Define(NameScope scope, string name, Value value)
    {
        if (!scope.Add(name, value))
        {
            throw new OnnxFormatException($"{_name} defines '{name}' twice; names must be unique.");
        }
    }

    private void ReadNode(Graph graph, NodeProto proto, NameScope scope, Dictionary<string, ValueInfoProto> declared, int depth)
    {
        var name = proto.Name;
        while (name.Length == 0 || !_nodeNames.Add(name))
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{proto.OpType}_{_renamed++}"); // the file's names need not be unique, ours must
        }

        var inputs = proto.Input.Select(input => input.Length == 0 ? null : scope.Find(input)
            ?? throw new OnnxFormatException($"{_name}: node {name} ({proto.OpType}) reads '{input}', which nothing before it makes. The graph has a cycle or is not in order."));
        if (proto.Attribute.DistinctBy(attribute => attribute.Name).Count() != proto.Attribute.Count)
        {
            throw new OnnxFormatException($"{_name}: node {name} ({proto.OpType}) has an attribute twice.");
        }

        var attributes = proto.Attribute.Select(attribute => KeyValuePair.Create(attribute.Name,
            AttributeValue.From(ProtobufConversion.ReadAttribute(attribute, body => ReadGraph(body, null, new NameScope(scope), depth + 1)))));
        var node = new Node(proto.Domain == "ai.onnx" ? "" : proto.Domain, proto.OpType, name, inputs, attributes);
        node.Outputs = [.. proto.Output.Select(output => output.Length == 0 ? null : new Value(output, ElementType.Undefined, null) { Producer = node })];
        if (node.Outputs.All(output => output is null))
        {
            throw new OnnxFormatException($"{_name}: node {name} ({proto.OpType}) has no outputs.");
        }

        ShapeInference.Infer(node);
        foreach (var output in node.Outputs.OfType<Value>())
        {
            if (declared.TryGetValue(output.Name, out var info))
            {
                var (type, shape) = ProtobufConversion.ReadType(info);
                output.Type = output.Type == ElementType.Undefined ? type : output.Type;
                output.Shape ??= shape;
            }

            Define(scope, output.Name, output);
        }

        graph.AddNode(node);
    }

    private TensorData Content(TensorProto header, ReadOnlyMemory<byte>? raw)
    {
        if (header.DataLocation != TensorProto.Types.DataLocation.External)
        {
            return ProtobufConversion.ReadTensor(header, raw);
        }

        var entries = header.ExternalData.GroupBy(entry => entry.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Last().Value, StringComparer.Ordinal);
        var file = entries.GetValueOrDefault("location", "");
        var type = ProtobufConversion.ReadElementType(header.DataType, header.Name);
        var length = checked(TensorData.CountOf([.. header.Dims]) * type.SizeInBytes());
        var offset = Number("offset", 0);
        if (Number("length", length) != length)
        {
            throw new OnnxFormatException($"{ProtobufConversion.Describe(header.Name)} of shape [{string.Join(", ", header.Dims)}] needs {length} bytes; its external data has {Number("length", length)}.");
        }

        var (mapped, info) = ExternalFile(file, header.Name);
        var data = TensorData.FromBytes(type, [.. header.Dims], mapped.Slice(offset, length));
        ExternalLocation.Remember(data, info, offset);
        return data;

        long Number(string key, long otherwise) => !entries.TryGetValue(key, out var text) ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new OnnxFormatException($"{ProtobufConversion.Describe(header.Name)} has the external-data {key} '{text}'; expected a non-negative number.");
    }

    private (MappedFile Mapped, FileInfo Info) ExternalFile(string file, string tensor)
    {
        if (_externalFiles.TryGetValue(file, out var known))
        {
            return known;
        }

        if (_folder is null)
        {
            throw new OnnxFormatException($"{ProtobufConversion.Describe(tensor)} lies in the external file '{file}', but the model was not read from a folder.");
        }

        var path = file.Length == 0 || Path.IsPathRooted(file) || file.Contains('\0', StringComparison.Ordinal) ? null : Path.GetFullPath(Path.Combine(_folder, file));
        var root = Path.TrimEndingDirectorySeparator(_folder) + Path.DirectorySeparatorChar;
        if (path is null || !path.StartsWith(root, StringComparison.Ordinal) || LeavesThroughLink(path, root))
        {
            throw new OnnxFormatException($"{ProtobufConversion.Describe(tensor)} lies in '{file}', which leaves the model's folder; external data must lie beside the model.");
        }

        if (!File.Exists(path))
        {
            throw new OnnxFormatException($"{_name} keeps weights in '{file}', which is missing beside it; copy that file too.");
        }

        return _externalFiles[file] = (MappedFile.Open(path), new FileInfo(path));
    }

    private static bool LeavesThroughLink(string path, string root)
    {
        for (var part = path; part.Length > root.Length; part = Path.GetDirectoryName(part)!)
        {
            if (new FileInfo(part).LinkTarget is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The names that a graph defines, and below them those of the graphs around it.</summary>
    private sealed class NameScope(NameScope? outer)
    {
        private readonly Dictionary<string, Value> _own = new(StringComparer.Ordinal);

        public bool Add(string name, Value value) => _own.TryAdd(name, value);

        public Value? FindOwn(string name) => _own.GetValueOrDefault(name);

        public Value? Find(string name) => FindOwn(name) ?? outer?.Find(name);
    }
}
