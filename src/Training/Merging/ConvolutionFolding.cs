using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Merging;

/// <summary>
/// Moves a low-rank update beside a convolution into its kernel, in double precision: W * x + B * (A * x) = (W + B·A) * x, where B has one pixel and A
/// the kernel, strides and padding of W. A bias of B goes into that of W.
/// </summary>
internal static class ConvolutionFolding
{
    private static readonly string[] Geometry = ["strides", "pads", "dilations", "auto_pad", "group"];

    /// <summary>Folds when a sum has this form; adds the kernel's name to what changed.</summary>
    public static bool Fold(Graph graph, Node sum, SortedSet<string> changed)
    {
        for (var side = 0; side < 2; side++)
        {
            if (ProductFolding.Only(graph, sum.Input(side), "Conv") is not { } target || ProductFolding.Only(graph, sum.Input(1 - side), "Conv") is not { } up
                || ProductFolding.Only(graph, up.Input(0), "Conv") is not { } down || target.Input(0) != down.Input(0) || down.OptionalInput(2) is not null
                || !AllConstant(graph, target, up, down) || !IsPointwise(up) || !SameGeometry(target, down)
                || (up.OptionalInput(2) is not null && target.OptionalInput(2) is null))
            {
                continue;
            }

            var (kernel, a, b) = (target.Input(1).Data!, down.Input(1).Data!, up.Input(1).Data!);
            if (!kernel.Shape.Skip(1).SequenceEqual(a.Shape.Skip(1)) || kernel.Shape[0] != b.Shape[0] || a.Shape[0] != b.Shape[1])
            {
                continue;
            }

            var fanIn = kernel.Count / kernel.Shape[0];
            var merged = Matrices.AddProduct(kernel.Reshape(kernel.Shape[0], fanIn), b.Reshape(b.Shape[0], b.Shape[1]), a.Reshape(a.Shape[0], fanIn));
            ProductFolding.SetConstant(graph, target, target.Input(1), merged.Reshape(kernel.Shape.AsSpan()), changed);
            if (up.OptionalInput(2) is { Data: { } bias })
            {
                ProductFolding.SetConstant(graph, target, target.Input(2), Matrices.Combine(target.Input(2).Data!, bias, (x, y) => x + y), changed);
            }

            graph.ReplaceUses(sum.Output, target.Output);
            return true;
        }

        return false;
    }

    private static bool IsPointwise(Node conv) => conv.Input(1).Data!.Shape.Skip(2).All(extent => extent == 1)
        && (conv.Ints("pads") ?? []).All(pad => pad == 0) && (conv.Ints("strides") ?? []).All(stride => stride == 1) && conv.Int("group", 1) == 1;

    private static bool SameGeometry(Node a, Node b) => a.Int("group", 1) == 1
        && Geometry.All(name => Same(a.Attributes.GetValueOrDefault(name)?.Content, b.Attributes.GetValueOrDefault(name)?.Content));

    private static bool Same(object? a, object? b) => a is long[] x && b is long[] y ? x.SequenceEqual(y) : Equals(a, b);

    private static bool AllConstant(Graph graph, params Node[] convolutions) => convolutions.All(conv => conv.Inputs.Skip(1).OfType<Value>()
        .All(input => GraphConstants.IsConstant(graph, input) && input.Data!.Type == ElementType.Float));
}
