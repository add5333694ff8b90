namespace EoOnnx.Onnx;

/// <summary>An ONNX model as a value: a graph, the operator sets it is written in, and its metadata.</summary>
public sealed class OnnxModel
{
    /// <summary>The operator set that <see cref="GraphBuilder"/> writes.</summary>
    public const int DefaultOpset = 20;

    /// <summary>A model around <paramref name="graph"/>, written in opset <see cref="DefaultOpset"/>.</summary>
    public OnnxModel(Graph graph) => Graph = graph;

    /// <summary>The main graph.</summary>
    public Graph Graph { get; }

    /// <summary>Version of the intermediate representation; 9 belongs to opset 20.</summary>
    public long IrVersion { get; init; } = 9;

    /// <summary>Operator-set version by domain; the empty domain is standard ONNX.</summary>
    public SortedDictionary<string, long> Opsets { get; } = new(StringComparer.Ordinal) { [""] = DefaultOpset };

    /// <summary>Name of the program that made the model.</summary>
    public string ProducerName { get; init; } = "EoOnnx";

    /// <summary>Free text by key (<c>metadata_props</c>); written in ordinal order of the keys.</summary>
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>An independent copy: changing its graph leaves this one alone. Tensors are shared, not copied.</summary>
    public OnnxModel Clone() => Clone(out _);

    /// <summary>An independent copy and, for each value of this model's graph, its copy.</summary>
    public OnnxModel Clone(out IReadOnlyDictionary<Value, Value> copies)
    {
        var copy = new OnnxModel(Graph.Clone(out copies)) { IrVersion = IrVersion, ProducerName = ProducerName };
        copy.Opsets.Clear();
        foreach (var (domain, version) in Opsets)
        {
            copy.Opsets.Add(domain, version);
        }

        foreach (var (key, text) in Metadata)
        {
            copy.Metadata.Add(key, text);
        }

        return copy;
    }

    /// <summary>
    /// Reads a model. Weights stay slices of the mapped file (or of its external data); nothing is executed.
    /// </summary>
    /// <exception cref="OnnxFormatException">The file is truncated, inconsistent or hostile.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static OnnxModel Load(string path) => OnnxReader.Load(path);

    /// <summary>Reads a model from memory; its weights stay slices of <paramref name="bytes"/>.</summary>
    /// <param name="bytes">A serialized model.</param>
    /// <param name="folder">Where external data may lie; null forbids it.</param>
    /// <exception cref="OnnxFormatException">The bytes are truncated, inconsistent or hostile.</exception>
    public static OnnxModel Parse(ReadOnlyMemory<byte> bytes, string? folder = null) => OnnxReader.Parse(bytes, folder);

    /// <summary>Writes the model, and its external data when there is any, atomically: the model file appears last.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    /// <exception cref="OnnxGraphException">The graph has a cycle, or would not fit into one file.</exception>
    public void Save(string path, OnnxSaveOptions? options = null) => OnnxWriter.Save(this, path, options ?? new OnnxSaveOptions());

    /// <summary>The model as one block of bytes, weights included.</summary>
    /// <exception cref="OnnxGraphException">The graph has a cycle, or would not fit into 2 GiB.</exception>
    public byte[] ToBytes() => OnnxWriter.ToBytes(this);
}
