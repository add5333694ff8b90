using EoOnnx.Onnx;

namespace EoOnnx.Training.Features;

/// <summary>Multiplications of the products in a graph, a sample: what a forward pass spends its time on.</summary>
internal static class GraphWork
{
    /// <summary>Multiplications of a node; 0 for everything that is no product.</summary>
    public static double Of(Node node) => node.OpType switch
    {
        "MatMul" or "FusedMatMul" or "Gemm" => Elements(node.Output) * Inner(node),
        "Conv" => Elements(node.Output) * (Elements(node.Input(1)) / Extent(node.Input(1), 0)),
        "ConvTranspose" => Elements(node.Input(0)) * (Elements(node.Input(1)) / Extent(node.Input(1), 0)),
        "Einsum" or "Attention" or "MultiHeadAttention" or "LSTM" or "GRU" or "RNN" => Elements(node.Output) * Extent(node.Input(0), -1),
        _ => 0,
    };

    // The axis that is summed over: the last of the first factor, unless that is transposed.
    private static double Inner(Node node) => Extent(node.Input(0), node.Int("transA", 0) == 0 ? -1 : -2);

    /// <summary>Elements of a value for one sample.</summary>
    public static double Elements(Value value) => value.Shape is null ? 0 : value.KnownShape.Aggregate(1.0, (product, dim) => product * (dim.Value ?? 1));

    private static double Extent(Value value, int axis) => value.Shape is { Rank: > 0 } shape && Math.Abs(axis) <= shape.Rank ? Math.Max(1, shape[axis].Value ?? 1) : 1;
}
