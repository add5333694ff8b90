using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Export.Checkpoints.Detection;
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
    private const string PeftTensors = "adapter_model.safetensors";
    private const string PeftConfiguration = "adapter_config.json";
    private const int LargestConfiguration = 1 << 20;
    private static readonly string[] DeepnessKeys = ["model_type", "class_names", "standardization_mean", "seg_thresh", "tiles_overlap"];
    private const byte FirstModelByte = 0x08;   // field 1 of ModelProto, the IR version, which every writer puts first

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

    /// <summary>Inputs of a model that a run may leave out.</summary>
    public IReadOnlyList<TensorSummary>? OptionalInputs { get; init; }

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

    /// <summary>What a file with weights says beside its tensors.</summary>
    public CheckpointInspection? Checkpoint { get; init; }

    /// <summary>What has to be added before it can be used.</summary>
    public IReadOnlyList<string>? Missing { get; init; }

    /// <summary>Command lines that take the file further; words in capitals stand for what the user has.</summary>
    public IReadOnlyList<string> Next { get; init; } = [];

    /// <summary>Reads <paramref name="path"/> by its content; by what its name ends in where the content is damaged. A folder is a PEFT adapter.</summary>
    /// <exception cref="FileFormatException">The file is damaged, or nothing that is known.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static FileInspection Read(string path)
    {
        path = Directory.Exists(path) ? System.IO.Path.Combine(path, PeftTensors) : path;
        var extension = System.IO.Path.GetExtension(path).ToLowerInvariant();
        return extension == ".onnx_adapter" || StartsWith(path, 4, "TORT"u8) ? OfAdapter(path)
            : extension == ".safetensors" || Export.Checkpoints.Checkpoint.Recognizes(path) ? OfCheckpoint(path)
            : extension == ".onnx" || StartsWith(path, 0, [FirstModelByte]) ? OfModel(path)
            : OfCheckpoint(path);   // whose refusal says what the file is
    }

    private static bool StartsWith(string path, int offset, ReadOnlySpan<byte> expected)
    {
        using var stream = File.OpenRead(path);
        var start = new byte[offset + expected.Length];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.AsSpan(offset).SequenceEqual(expected);
    }

    private static FileInspection OfModel(string path)
    {
        var model = OnnxModel.Load(path);
        var manifest = ManifestOf(model.Metadata);
        var isForDeepness = manifest is null && DeepnessKeys.Any(model.Metadata.ContainsKey);
        var (optional, slots) = (new List<Value>(), new List<Value>());
        foreach (var input in model.Graph.Inputs.Where(input => input.Data is not null))
        {
            (manifest?.OptionalInputs.Any(item => item.Name == input.Name) == true ? optional : slots).Add(input);
        }

        return new FileInspection
        {
            Path = path,
            Kind = slots.Count > 0 ? "ONNX model with adapter slots" : isForDeepness ? "ONNX model for QGIS Deepness" : "ONNX model",
            Bytes = new FileInfo(path).Length,
            Sha256 = FileHash.Sha256(path),
            Parameters = model.Graph.Initializers.Sum(value => value.Data?.Count ?? 0),
            Inputs = [.. model.Graph.Inputs.Except(slots).Except(optional).Select(Summarize)],
            OptionalInputs = optional.Count > 0 ? [.. optional.Select(Summarize)] : null,
            Outputs = [.. model.Graph.Outputs.Select(Summarize)],
            AdapterSlots = slots.Count > 0 ? [.. slots.Select(Summarize)] : null,
            Operators = [.. model.Graph.Nodes.GroupBy(node => node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}")
                .Select(group => new OperatorCount(group.Key, group.Count()))
                .OrderByDescending(count => count.Count).ThenBy(count => count.Operator, StringComparer.Ordinal)],
            Opsets = model.Opsets,
            Manifest = manifest,
            Metadata = ToJson(model.Metadata),
            Missing = isForDeepness ? MissingManifestFacts.OfDeepness(model.Metadata) : MissingManifestFacts.Of(manifest),
            Next = NextSteps.OfModel(path, manifest, isForDeepness, slots.Count > 0, model.Graph.Inputs.Except(slots).Except(optional).Any(input => input is { Type: ElementType.Float, Shape.Rank: 4 or 5 })),
        };
    }

    private static FileInspection OfCheckpoint(string path)
    {
        // A damaged file that is called .safetensors is told what is wrong with it as such.
        if (System.IO.Path.GetExtension(path).Equals(".safetensors", StringComparison.OrdinalIgnoreCase) && !Export.Checkpoints.Checkpoint.Recognizes(path))
        {
            SafetensorsFile.Open(path);
        }

        var checkpoint = Export.Checkpoints.Checkpoint.Open(path);
        var sha256 = FileHash.Sha256(path);
        var inspection = CheckpointInspection.Of(checkpoint, sha256);
        var manifest = ManifestOf(checkpoint.Metadata);
        var isOwnAdapter = checkpoint.Metadata.ContainsKey(AdapterMetadata.BaseSha256);
        var configuration = PeftConfigurationOf(path);
        return new FileInspection
        {
            Path = path,
            Kind = configuration is not null ? "adapter (PEFT)" : isOwnAdapter ? "adapter (safetensors)" : inspection.Kind,
            Bytes = new FileInfo(path).Length,
            Sha256 = sha256,
            Parameters = checkpoint.Weights.Names.Sum(name => checkpoint.Weights.Peek(name)!.Count),
            Tensors = [.. checkpoint.Weights.Names.Select(name => Summarize(name, checkpoint.Weights.Peek(name)!))],
            Manifest = manifest,
            Metadata = ToJson(checkpoint.Metadata.Concat(configuration ?? [])),
            Checkpoint = inspection,
            Missing = isOwnAdapter ? MissingManifestFacts.Of(manifest) : MissingFacts.Of(checkpoint, inspection.Model, inspection.Task),
            Next = isOwnAdapter ? NextSteps.OfAdapter(path) : NextSteps.OfCheckpoint(configuration is null ? path : System.IO.Path.GetDirectoryName(path)!, inspection),
        };
    }

    // PEFT keeps method, rank and targets beside the tensors. Only what it sets is shown.
    private static IEnumerable<KeyValuePair<string, string>>? PeftConfigurationOf(string path)
    {
        var file = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, PeftConfiguration);
        if (System.IO.Path.GetFileName(path) != PeftTensors || !File.Exists(file))
        {
            return null;
        }

        try
        {
            if (new FileInfo(file).Length > LargestConfiguration || JsonNode.Parse(File.ReadAllBytes(file)) is not JsonObject settings)
            {
                throw new FileFormatException($"{file} is no PEFT configuration: expected one JSON object of at most {LargestConfiguration:N0} bytes.");
            }

            return [.. from setting in settings
                       where setting.Value is not (null or JsonArray { Count: 0 } or JsonObject { Count: 0 })
                       select KeyValuePair.Create(setting.Key, setting.Value is JsonValue ? setting.Value.ToString() : setting.Value!.ToJsonString(JsonOutput.Line))];
        }
        catch (JsonException damage)
        {
            throw new FileFormatException($"{file} is not readable JSON: {damage.Message}", damage);
        }
    }

    private static FileInspection OfAdapter(string path)
    {
        var file = OnnxAdapterFile.Open(path);
        return new FileInspection
        {
            Path = path,
            Kind = "adapter (ONNX Runtime)",
            Bytes = new FileInfo(path).Length,
            Sha256 = FileHash.Sha256(path),
            Parameters = file.Tensors.Values.Sum(tensor => tensor.Count),
            Tensors = Summarize(file.Tensors),
            Missing = ["the base model, bands and classes: the .safetensors adapter that it was made of tells them"],
            Next = NextSteps.OfAdapter(path),
        };
    }

    private static List<TensorSummary> Summarize(IReadOnlyDictionary<string, TensorData> tensors) =>
        [.. tensors.Select(entry => Summarize(entry.Key, entry.Value))];

    private static TensorSummary Summarize(string name, TensorData tensor) => new(name, tensor.Type, $"[{string.Join(", ", tensor.Shape)}]");

    private static TensorSummary Summarize(Value value) => new(value.Name, value.Type, value.Shape?.ToString() ?? "[?]");

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
