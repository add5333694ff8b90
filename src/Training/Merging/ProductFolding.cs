using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Merging;

/// <summary>
/// Moves constants that stand beside a product x·W into W, in double precision:
/// x·W + (x·A)·B = x·(W + A·B), (x ⊙ l)·W = x·(diag(l)·W), (x·W) ⊙ l = x·(W·diag(l)), (x·W + b) ⊙ l = x·(W·diag(l)) + b ⊙ l, x·W + b + c = x·W + (b + c).
/// </summary>
internal static class ProductFolding
{
    /// <summary>Folds until nothing changes; returns the names of the weights that changed.</summary>
    public static IReadOnlyList<string> Run(Graph graph)
    {
        var changed = new SortedSet<string>(StringComparer.Ordinal);
        while (graph.Nodes.Any(node => Fold(graph, node, changed)))
        {
            graph.RemoveUnused();
        }

        NameBiases(graph);
        return [.. changed];
    }

    /// <summary>Calls the bias beside <c>PATH.weight</c> again <c>PATH.bias</c>, which it was before it was trained in parts.</summary>
    private static void NameBiases(Graph graph)
    {
        foreach (var sum in graph.Nodes.Where(node => node.OpType == "Add").ToList())
        {
            if (WithConstant(graph, sum.Output, "Add", onlyUse: false) is (var product, var bias) && product.Producer is { OpType: "MatMul" } target
                && target.Input(1).Name.EndsWith(".weight", StringComparison.Ordinal) && graph.Consumers(bias).Count() == 1)
            {
                var name = $"{target.Input(1).Name[..^".weight".Length]}.bias";
                if (graph.FindInitializer(name) is null)
                {
                    graph.Rename(bias, name);
                }
            }
        }
    }

    private static bool Fold(Graph graph, Node node, SortedSet<string> changed) => node.OpType switch
    {
        "Add" => Update(graph, node, changed) || ConvolutionFolding.Fold(graph, node, changed) || SecondBias(graph, node, changed),
        "Mul" => OutputScale(graph, node, changed),
        "MatMul" => InputScale(graph, node, changed),
        _ => false,
    };

    /// <summary>x·W (+ b) + (x·A)·B (+ c).</summary>
    private static bool Update(Graph graph, Node sum, SortedSet<string> changed)
    {
        for (var side = 0; side < 2; side++)
        {
            var (main, delta) = (sum.Input(side), sum.Input(1 - side));
            var shifted = WithConstant(graph, delta, "Add");
            var up = Only(graph, shifted?.Other ?? delta, "MatMul");
            var down = up is null ? null : Only(graph, up.Input(0), "MatMul");
            if (up is null || down is null || !IsMatrix(graph, up.Input(1)) || !IsMatrix(graph, down.Input(1)))
            {
                continue;
            }

            var target = Only(graph, WithConstant(graph, main, "Add")?.Other ?? main, "MatMul");
            if (target is null || target == up || target.Input(0) != down.Input(0) || !IsMatrix(graph, target.Input(1)))
            {
                continue;
            }

            SetWeight(graph, target, Matrices.AddProduct(target.Input(1).Data!, down.Input(1).Data!, up.Input(1).Data!), changed);
            graph.ReplaceUses(sum.Output, shifted is null ? main : new GraphBuilder(graph).Add(main, shifted.Value.Constant));
            return true;
        }

        return false;
    }

    /// <summary>x·W + b + c.</summary>
    private static bool SecondBias(Graph graph, Node sum, SortedSet<string> changed)
    {
        if (WithConstant(graph, sum.Output, "Add", onlyUse: false) is not (var first, var c) || WithConstant(graph, first, "Add") is not (var product, var b)
            || product.Producer?.OpType != "MatMul" || !b.Data!.Shape.SequenceEqual(c.Data!.Shape))
        {
            return false;
        }

        SetConstant(graph, first.Producer!, b, Matrices.Combine(b.Data, c.Data, (x, y) => x + y), changed);
        graph.ReplaceUses(sum.Output, first);
        return true;
    }

    /// <summary>(x·W (+ b)) ⊙ l.</summary>
    private static bool OutputScale(Graph graph, Node scaling, SortedSet<string> changed)
    {
        if (WithConstant(graph, scaling.Output, "Mul", onlyUse: false) is not (var main, var scale) || scale.Data is not { Shape: [_], Type: ElementType.Float } factors)
        {
            return false;
        }

        var (product, bias) = WithConstant(graph, main, "Add") is (var inner, var b) ? (inner, b) : (main, (Value?)null);
        if (Only(graph, product, "MatMul") is not { } target || !IsMatrix(graph, target.Input(1)) || target.Input(1).Data!.Shape[1] != factors.Count
            || (bias is not null && (bias.Data!.Shape is not [var length] || length != factors.Count || main.Producer is null || graph.Consumers(main).Count() != 1)))
        {
            return false;
        }

        SetWeight(graph, target, Matrices.ScaleColumns(target.Input(1).Data!, factors), changed);
        if (bias is not null)
        {
            SetConstant(graph, main.Producer!, bias, Matrices.Combine(bias.Data!, factors, (x, y) => x * y), changed);
        }

        graph.ReplaceUses(scaling.Output, main);
        return true;
    }

    /// <summary>(x ⊙ l)·W.</summary>
    private static bool InputScale(Graph graph, Node product, SortedSet<string> changed)
    {
        if (!IsMatrix(graph, product.Input(1)) || WithConstant(graph, product.Input(0), "Mul") is not (var x, var scale)
            || scale.Data is not { Shape: [var length], Type: ElementType.Float } factors || length != product.Input(1).Data!.Shape[0])
        {
            return false;
        }

        SetWeight(graph, product, Matrices.ScaleRows(product.Input(1).Data!, factors), changed);
        graph.ReplaceUses(product.Input(0), x, node => node == product);
        return true;
    }

    /// <summary>The node of a type that makes a value which nothing else uses.</summary>
    internal static Node? Only(Graph graph, Value value, string type) =>
        value.Producer is { } node && node.OpType == type && node.Domain.Length == 0 && !graph.Outputs.Contains(value) && graph.Consumers(value).Count() == 1 ? node : null;

    /// <summary>The other input and the constant of a node with a floating-point constant.</summary>
    private static (Value Other, Value Constant)? WithConstant(Graph graph, Value value, string type, bool onlyUse = true)
    {
        if ((onlyUse ? Only(graph, value, type) : value.Producer is { } producer && producer.OpType == type ? producer : null) is { } node)
        {
            for (var side = 0; side < 2; side++)
            {
                if (GraphConstants.IsConstant(graph, node.Input(side)) && node.Input(side).Data!.Type == ElementType.Float && node.Input(side).Data!.Shape.Length == 1)
                {
                    return (node.Input(1 - side), node.Input(side));
                }
            }
        }

        return null;
    }

    private static bool IsMatrix(Graph graph, Value value) => GraphConstants.IsConstant(graph, value) && value.Data is { Type: ElementType.Float, Shape.Length: 2 };

    private static void SetWeight(Graph graph, Node product, TensorData data, SortedSet<string> changed) => SetConstant(graph, product, product.Input(1), data, changed);

    /// <summary>Changes a constant of one node: under its own name, unless other nodes use it too.</summary>
    internal static void SetConstant(Graph graph, Node node, Value constant, TensorData data, SortedSet<string> changed)
    {
        changed.Add(constant.Name);
        if (graph.Consumers(constant).Count() == 1)
        {
            GraphConstants.Replace(graph, constant, data);
        }
        else
        {
            graph.ReplaceUses(constant, new GraphBuilder(graph).Initializer($"{constant.Name}.{node.Name}", data), user => user == node);
        }
    }
}
