using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Cli.Inspection;

/// <summary>A tensor as a file lists it.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Extents as text; symbolic ones by name.</param>
internal sealed record TensorSummary(string Name, ElementType Type, string Shape);

/// <summary>How often an operator occurs.</summary>
internal sealed record OperatorCount(string Operator, int Count);

/// <summary>What a model, weight or adapter file holds, read without running anything.</summary>
internal sealed record FileInspection
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>What it is, in a word or two.</summary>
    public required string Kind { get; init; }

    /// <summary>Size of the file itself, without external data.</summary>
    public required long Bytes { get; init; }

    /// <summary>SHA-256 of the file itself, lower case.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Number of stored weights.</summary>
    public required long Parameters { get; init; }

    /// <summary>Real inputs of a model.</summary>
    public IReadOnlyList<TensorSummary>? Inputs { get; init; }

    /// <summary>Outputs of a model.</summary>
    public IReadOnlyList<TensorSummary>? Outputs { get; init; }

    /// <summary>Inputs with a default: what an adapter may replace.</summary>
    public IReadOnlyList<TensorSummary>? AdapterSlots { get; init; }

    /// <summary>Operators by frequency.</summary>
    public IReadOnlyList<OperatorCount>? Operators { get; init; }

    /// <summary>Operator-set version by domain.</summary>
    public IReadOnlyDictionary<string, long>? Opsets { get; init; }

    /// <summary>Stored tensors of a weight file.</summary>
    public IReadOnlyList<TensorSummary>? Tensors { get; init; }

    /// <summary>What the file says about bands, classes and origin.</summary>
    public ModelManifest? Manifest { get; init; }

    /// <summary>The rest of the text metadata; values that are JSON stay JSON.</summary>
    public JsonObject? Metadata { get; init; }

    /// <summary>Reads <paramref name="path"/> by what its name ends in.</summary>
    /// <exception cref="FileFormatException">The file is damaged, or its name ends in nothing known.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static FileInspection Read(string path) => System.IO.Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".onnx" => OfModel(path),
        ".safetensors" => OfSafetensors(path),
        ".onnx_adapter" => OfAdapter(path),
        var extension => throw new FileFormatException(
            $"{path} ends in '{extension}'; inspect reads .onnx, .safetensors and .onnx_adapter. Rename the file if it is one of these."),
    };

    private static FileInspection OfModel(string path)
    {
        var model = OnnxModel.Load(path);
        var slots = model.Graph.Inputs.Where(input => input.Data is not null).ToList();
        return new FileInspection
        {
            Path = path,
            Kind = slots.Count > 0 ? "ONNX model with adapter slots" : "ONNX model",
            Bytes = new FileInfo(path).Length,
            Sha256 = Hash(path),
            Parameters = model.Graph.Initializers.Sum(value => value.Data?.Count ?? 0),
            Inputs = [.. model.Graph.Inputs.Except(slots).Select(Summarize)],
            Outputs = [.. model.Graph.Outputs.Select(Summarize)],
            AdapterSlots = slots.Count > 0 ? [.. slots.Select(Summarize)] : null,
            Operators = [.. model.Graph.Nodes.GroupBy(node => node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}")
                .Select(group => new OperatorCount(group.Key, group.Count()))
                .OrderByDescending(count => count.Count).ThenBy(count => count.Operator, StringComparer.Ordinal)],
            Opsets = model.Opsets,
            Manifest = ManifestOf(model.Metadata),
            Metadata = ToJson(model.Metadata),
        };
    }

    private static FileInspection OfSafetensors(string path)
    {
        var file = SafetensorsFile.Open(path);
        return new FileInspection
        {
            Path = path,
            Kind = file.Metadata.ContainsKey(AdapterMetadata.BaseSha256) ? "adapter (safetensors)" : "weights (safetensors)",
            Bytes = new FileInfo(path).Length,
            Sha256 = Hash(path),
            Parameters = file.Tensors.Values.Sum(tensor => tensor.Count),
            Tensors = Summarize(file.Tensors),
            Manifest = ManifestOf(file.Metadata),
            Metadata = ToJson(file.Metadata),
        };
    }

    private static FileInspection OfAdapter(string path)
    {
        var file = OnnxAdapterFile.Open(path);
        return new FileInspection
        {
            Path = path,
            Kind = "adapter (ONNX Runtime)",
            Bytes = new FileInfo(path).Length,
            Sha256 = Hash(path),
            Parameters = file.Tensors.Values.Sum(tensor => tensor.Count),
            Tensors = Summarize(file.Tensors),
        };
    }

    private static List<TensorSummary> Summarize(IReadOnlyDictionary<string, TensorData> tensors) =>
        [.. tensors.Select(entry => new TensorSummary(entry.Key, entry.Value.Type, $"[{string.Join(", ", entry.Value.Shape)}]"))];

    private static TensorSummary Summarize(Value value) => new(value.Name, value.Type, value.Shape?.ToString() ?? "[?]");

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static ModelManifest? ManifestOf(IReadOnlyDictionary<string, string> metadata) =>
        metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json) : null;

    // Metadata values are text; those that hold JSON (recipe, metrics) are shown as what they are.
    private static JsonObject? ToJson(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var entries = metadata.Where(entry => entry.Key != ModelManifest.MetadataKey).OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => KeyValuePair.Create(entry.Key, Parse(entry.Value))).ToList();
        return entries.Count > 0 ? new JsonObject(entries) : null;
    }

    private static JsonNode? Parse(string text)
    {
        if (text.Length == 0 || text[0] is not ('{' or '['))
        {
            return text;
        }

        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
