using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EoOnnx.Formats;

/// <summary>
/// A <c>.safetensors</c> file: named tensors and text metadata. Reading maps the file; tensors are slices of it. Header length,
/// offsets, shapes and types are checked against the file before anything is allocated.
/// </summary>
/// <remarks>Layout: u64 little-endian header length, JSON header, data. Offsets are relative to the data, end exclusive, without
/// gap or overlap. Source: the safetensors format description.</remarks>
public sealed class SafetensorsFile
{
    private const int MaximumHeader = 100_000_000;
    private const string MetadataKey = "__metadata__";

    private static readonly Dictionary<string, ElementType> Types = new(StringComparer.Ordinal)
    {
        ["BOOL"] = ElementType.Bool, ["U8"] = ElementType.UInt8, ["I8"] = ElementType.Int8, ["F8_E4M3"] = ElementType.Float8E4M3,
        ["F8_E5M2"] = ElementType.Float8E5M2, ["I16"] = ElementType.Int16, ["U16"] = ElementType.UInt16, ["F16"] = ElementType.Float16,
        ["BF16"] = ElementType.BFloat16, ["I32"] = ElementType.Int32, ["U32"] = ElementType.UInt32, ["F32"] = ElementType.Float,
        ["F64"] = ElementType.Double, ["I64"] = ElementType.Int64, ["U64"] = ElementType.UInt64,
    };

    // The reference writer sorts by type before name; this is its order of types, largest first.
    private static readonly ElementType[] WriteOrder =
    [
        ElementType.UInt64, ElementType.Int64, ElementType.Double, ElementType.Float, ElementType.UInt32, ElementType.Int32, ElementType.BFloat16,
        ElementType.Float16, ElementType.UInt16, ElementType.Int16, ElementType.Float8E4M3, ElementType.Float8E5M2, ElementType.Int8, ElementType.UInt8, ElementType.Bool,
    ];

    private SafetensorsFile(IReadOnlyDictionary<string, TensorData> tensors, IReadOnlyDictionary<string, string> metadata) =>
        (Tensors, Metadata) = (tensors, metadata);

    /// <summary>The tensors by name, in file order.</summary>
    public IReadOnlyDictionary<string, TensorData> Tensors { get; }

    /// <summary>Free text by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Maps a file and reads its header.</summary>
    /// <exception cref="FileFormatException">The file breaks a rule of the format; the message names the tensor.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        if (file.Length < 8)
        {
            throw new FileFormatException($"{path} has {file.Length} bytes; a safetensors file starts with an 8-byte header length.");
        }

        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, 8).Span);
        if (headerLength > MaximumHeader || (long)headerLength > file.Length - 8)
        {
            throw new FileFormatException($"{path} announces a header of {headerLength} bytes; the file has {file.Length} and a header may have {MaximumHeader}.");
        }

        var dataStart = 8 + (long)headerLength;
        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using var header = JsonDocument.Parse(file.Slice(8, (long)headerLength));
            if (header.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new FileFormatException($"{path} has a header that is not a JSON object.");
            }

            var ranges = new List<(long Begin, long End, string Name)>();
            foreach (var entry in header.RootElement.EnumerateObject())
            {
                if (entry.NameEquals(MetadataKey))
                {
                    foreach (var item in entry.Value.EnumerateObject())
                    {
                        metadata[item.Name] = item.Value.GetString() ?? "";
                    }

                    continue;
                }

                var (tensor, begin, end) = ReadEntry(path, file, dataStart, entry);
                if (!tensors.TryAdd(entry.Name, tensor))
                {
                    throw new FileFormatException($"{path} lists the tensor '{entry.Name}' twice.");
                }

                ranges.Add((begin, end, entry.Name));
            }

            ranges.Sort();
            long position = 0;
            foreach (var (begin, end, name) in ranges)
            {
                if (begin != position)
                {
                    throw new FileFormatException($"{path}: tensor '{name}' starts at byte {begin} of the data; expected {position} (no gap, no overlap).");
                }

                position = end;
            }

            if (position != file.Length - dataStart)
            {
                throw new FileFormatException($"{path} has {file.Length - dataStart} bytes of data; its header describes {position}.");
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new FileFormatException($"{path} has a damaged header: {failure.Message}", failure);
        }

        return new SafetensorsFile(tensors, metadata);
    }

    /// <summary>Writes a file atomically, in the byte order of the reference writer (largest types first, then by name).</summary>
    /// <param name="path">Target; replaced when it exists.</param>
    /// <param name="tensors">Tensors by name.</param>
    /// <param name="metadata">Text by key; null or empty writes none.</param>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, TensorData>> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, metadata));

    private static void Write(Stream stream, IEnumerable<KeyValuePair<string, TensorData>> tensors, IEnumerable<KeyValuePair<string, string>>? metadata)
    {
        var ordered = tensors.OrderBy(item => Array.IndexOf(WriteOrder, item.Value.Type)).ThenBy(item => item.Key, StringComparer.Ordinal).ToList();
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            if (metadata?.OrderBy(item => item.Key, StringComparer.Ordinal).ToList() is { Count: > 0 } entries)
            {
                writer.WriteStartObject(MetadataKey);
                entries.ForEach(entry => writer.WriteString(entry.Key, entry.Value));
                writer.WriteEndObject();
            }

            long offset = 0;
            foreach (var (name, tensor) in ordered)
            {
                writer.WriteStartObject(name);
                writer.WriteString("dtype", Types.First(type => type.Value == tensor.Type).Key);
                writer.WriteStartArray("shape");
                foreach (var extent in tensor.Shape)
                {
                    writer.WriteNumberValue(extent);
                }

                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                offset += tensor.ByteLength;
                writer.WriteNumberValue(offset);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        json.Write(Encoding.ASCII.GetBytes(new string(' ', (int)(-json.Length & 7))));
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        stream.Write(length);
        json.WriteTo(stream);
        foreach (var (_, tensor) in ordered)
        {
            stream.Write(tensor.Bytes.Span);
        }
    }

    private static (TensorData Tensor, long Begin, long End) ReadEntry(string path, MappedFile file, long dataStart, JsonProperty entry)
    {
        var typeName = entry.Value.GetProperty("dtype").GetString() ?? "";
        if (!Types.TryGetValue(typeName, out var type))
        {
            throw new FileFormatException($"{path}: tensor '{entry.Name}' has the type '{typeName}'; known are {string.Join(", ", Types.Keys)}.");
        }

        long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64())];
        var offsets = entry.Value.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2)
        {
            throw new FileFormatException($"{path}: tensor '{entry.Name}' has {offsets.GetArrayLength()} data offsets; expected 2.");
        }

        var (begin, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
        var bytes = TensorData.CountOf(shape) * type.SizeInBytes();
        return begin >= 0 && end >= begin && end <= file.Length - dataStart && end - begin == bytes
            ? (TensorData.FromBytes(type, shape, file.Slice(dataStart + begin, bytes)), begin, end)
            : throw new FileFormatException(string.Create(CultureInfo.InvariantCulture,
                $"{path}: tensor '{entry.Name}' of shape [{string.Join(", ", shape)}] needs {bytes} bytes; its offsets {begin} to {end} of {file.Length - dataStart} do not give them."));
    }
}
