using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>
/// Lets a product read its second factor swapped where the graph swaps it, as attention does with its keys: a·Transpose(x, …, j, i) = a·Transpose(x, …, i, j)ᵀ with i the innermost
/// axis of x. Moving whole rows is faster than moving elements, in the forward pass and for the gradient of x alike. Only for graphs that are trained: others keep standard operators.
/// </summary>
internal static class KeyLayout
{
    /// <summary>Rewrites every product of the form.</summary>
    public static void Apply(GraphBuilder op)
    {
        foreach (var product in op.Graph.Nodes.Where(node => node is { Domain: "", OpType: "MatMul" }).ToList())
        {
            if (product.Input(1) is { Type: ElementType.Float, Producer: { OpType: "Transpose" } swapped } && swapped.Ints("perm") is { Length: >= 3 } permutation
                && permutation[^2] == permutation.Length - 1 && op.Graph.Consumers(swapped.Output).Count() == 1 && !op.Graph.Outputs.Any(output => output == swapped.Output || output == product.Output))
            {
                long[] rows = [.. permutation[..^2], permutation[^1], permutation[^2]];
                var inOrder = rows.Index().All(axis => axis.Item == axis.Index);
                op.Graph.ReplaceUses(product.Output, op.FusedMatMul(product.Input(0), inOrder ? swapped.Input(0) : op.Transpose(swapped.Input(0), rows), transposeB: true));
            }
        }
    }
}
