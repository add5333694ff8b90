using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>One operator in double precision, written from its definition in the ONNX specification.</summary>
internal delegate ReferenceTensor ReferenceOperator(Node node, ReferenceTensor?[] inputs);

/// <summary>The operators for which ONNX Runtime has kernels in single precision only: finite differences are taken of these instead.</summary>
internal static class ReferenceOperators
{
    public static readonly Dictionary<string, ReferenceOperator> Table =
        new[] { ReferenceActivations.Table, ReferenceConvolutions.Table, ReferencePooling.Table, ReferenceNormalizations.Table, ReferenceResize.Table, ReferenceAttention.Table }
            .SelectMany(table => table).ToDictionary();

    /// <summary>The value of a graph's output for the values of its inputs, in order.</summary>
    public static ReferenceTensor Run(Graph graph, IReadOnlyList<ReferenceTensor> inputs)
    {
        var known = graph.Inputs.Zip(inputs).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var node in graph.Nodes)
        {
            var name = node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}";
            known[node.Output] = Table[name](node, [.. node.Inputs.Select(value => value is null ? null : known.TryGetValue(value, out var found) ? found : Constant(value.Data!))]);
        }

        return known[graph.Outputs.Single()];
    }

    private static ReferenceTensor Constant(TensorData data) => new([.. data.Shape], data.Type == ElementType.Int64
        ? Array.ConvertAll(data.AsSpan<long>().ToArray(), value => (double)value)
        : Array.ConvertAll(data.ToSingles(), value => (double)value));
}
