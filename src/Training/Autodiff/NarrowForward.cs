using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Lets the forward products of a training graph with frozen weights run in whole numbers: weights of 7 bits with a scale a column, values of 8 bits with one a product. The
/// backward products keep the float32 weights.</summary>
/// <remarks>Processors without VNNI add two products in 16 bits, which 255 · 127 twice would overflow; 255 · 63 twice do not. Source: ONNX Runtime, "Quantize ONNX models".</remarks>
internal static class NarrowForward
{
    private const int SmallestWidth = 32, Largest = 63;

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

    /// <summary>[rows, columns] as whole numbers from −63 to 63, and what a column is multiplied with.</summary>
    public static (TensorData Whole, TensorData Scales) Narrow(TensorData weight)
    {
        var (weights, columns) = (weight.ToSingles(), (int)weight.Shape[1]);
        var (scales, narrow) = (new float[columns], new sbyte[weights.Length]);
        for (var i = 0; i < weights.Length; i++)
        {
            scales[i % columns] = Math.Max(scales[i % columns], Math.Abs(weights[i]) / Largest);
        }

        for (var i = 0; i < weights.Length; i++)
        {
            narrow[i] = scales[i % columns] == 0 ? (sbyte)0 : (sbyte)MathF.Round(weights[i] / scales[i % columns]);
        }

        return (TensorData.FromValues<sbyte>(weight.Shape.AsSpan(), narrow), TensorData.FromValues<float>([columns], scales));
    }
}
