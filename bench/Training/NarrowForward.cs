using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Bench.Training;

/// <summary>Lets the forward products of a training graph run in whole numbers of 8 bits: weights with a scale a column, values with one a product. The backward products keep the
/// float32 weights.</summary>
internal static class NarrowForward
{
    private const int SmallestWidth = 32;

    /// <summary>Rewrites every product with a frozen matrix; returns how many there were.</summary>
    public static int Apply(OnnxModel model)
    {
        var op = new GraphBuilder(model.Graph);
        using var scope = op.Scope("int8");
        var products = model.Graph.Nodes.Where(node => node is { Domain: "", OpType: "MatMul" } && node.Input(1) is { Producer: null, Data: { Type: ElementType.Float, Shape.Length: 2 } data }
            && data.Shape[0] >= SmallestWidth && data.Shape[1] >= SmallestWidth && model.Graph.FindInput(node.Input(1).Name) is null).ToList();
        foreach (var product in products)
        {
            var weight = product.Input(1);
            var (narrow, scales) = Narrow(weight.Data!);
            var values = op.Nodes("", "DynamicQuantizeLinear", [product.Input(0)], 3);
            var whole = op.Node("MatMulInteger", [values[0], op.Initializer($"{weight.Name}.int8", narrow), values[2]]);
            var result = op.Mul(op.Cast(whole, ElementType.Float), op.Mul(values[1], op.Initializer($"{weight.Name}.scale", scales)));
            model.Graph.ReplaceUses(product.Output, result);
        }

        model.Graph.RemoveUnused();
        model.Graph.Sort();
        return products.Count;
    }

    /// <summary>[rows, columns] as whole numbers from −127 to 127, and what a column is multiplied with.</summary>
    public static (TensorData Whole, TensorData Scales) Narrow(TensorData weight)
    {
        var (weights, columns) = (weight.ToSingles(), (int)weight.Shape[1]);
        var (scales, narrow) = (new float[columns], new sbyte[weights.Length]);
        for (var i = 0; i < weights.Length; i++)
        {
            scales[i % columns] = Math.Max(scales[i % columns], Math.Abs(weights[i]) / 127);
        }

        for (var i = 0; i < weights.Length; i++)
        {
            narrow[i] = scales[i % columns] == 0 ? (sbyte)0 : (sbyte)MathF.Round(weights[i] / scales[i % columns]);
        }

        return (TensorData.FromValues<sbyte>(weight.Shape.AsSpan(), narrow), TensorData.FromValues<float>([columns], scales));
    }
}
