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
}
