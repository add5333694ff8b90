using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff.Rules;

namespace EoOnnx.Training.Autodiff;

/// <summary>All gradient rules by operator, one row an operator and one rule an input; null where no gradient flows.</summary>
internal static class VjpTable
{
    private static readonly Dictionary<string, VjpRule?[]> Rules = new[]
    {
        ElementwiseRules.Table, ActivationRules.Table, MatMulRules.Table, NormalizationRules.Table, ReductionRules.Table, LayoutRules.Table,
        IndexingRules.Table, AttentionRules.Table, ConvolutionRules.Table, PoolingRules.Table, ResizeRules.Table,
    }.SelectMany(table => table).ToDictionary(row => row.Key, row => row.Value, StringComparer.Ordinal);

    /// <summary>Operators of any number of like inputs: the last rule of the row serves all further inputs.</summary>
    private static readonly HashSet<string> Variadic = ["Max", "Min", "Sum", "Mean", "Concat", "Einsum"];

    /// <summary>Operators that broadcast their inputs: only their gradients may need summing back to an input's shape.</summary>
    private static readonly HashSet<string> Broadcasting =
    [
        "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Where", "Clip", "PRelu", "Mod", "Expand", "MatMul", "com.microsoft.FusedMatMul", "Gemm",
        "LayerNormalization",
    ];

    /// <summary>Operators whose outputs do not depend differentiably on their inputs, whatever the element type.</summary>
    private static readonly HashSet<string> Constant = ["Shape", "Size", "ConstantOfShape", "Range", "OneHot", "Constant", "ArgMax", "ArgMin"];

    /// <summary>The operators that have a row, with their domain in front where it is not standard ONNX.</summary>
    public static IEnumerable<string> Ops => Rules.Keys.Order(StringComparer.Ordinal);

    public static string Key(Node node) => node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}";

    public static bool Has(Node node) => Rules.ContainsKey(Key(node));

    public static bool IsConstant(Node node) => Constant.Contains(Key(node)) || StopGradient.Marks(node);

    public static bool Broadcasts(Node node) => Broadcasting.Contains(Key(node));

    /// <summary>The rule of an input, or null when no gradient flows into it.</summary>
    public static VjpRule? Rule(Node node, int input)
    {
        if (!Rules.TryGetValue(Key(node), out var row))
        {
            return null;
        }

        return input < row.Length ? row[input] : Variadic.Contains(Key(node)) ? row[^1] : null;
    }
}
