namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>What acts on each element by itself.</summary>
internal static class ReferenceActivations
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new()
    {
        ["Erf"] = Each((_, x) => Erf(x)),
        ["Gelu"] = Each((node, x) => node.Text("approximate", "none") == "none" ? Gelu(x) : GeluByTanh(x)),
        ["com.microsoft.Gelu"] = Each((_, x) => Gelu(x)),
        ["Softplus"] = Each((_, x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)))),
        ["Elu"] = Each((node, x) => x >= 0 ? x : node.Float("alpha", 1) * (Math.Exp(x) - 1)),
        ["LeakyRelu"] = Each((node, x) => x >= 0 ? x : node.Float("alpha", 0.01f) * x),
        ["HardSigmoid"] = Each((node, x) => Math.Clamp((node.Float("alpha", 0.2f) * x) + node.Float("beta", 0.5f), 0, 1)),
        ["HardSwish"] = Each((_, x) => x * Math.Clamp((x / 6) + 0.5, 0, 1)),
        ["PRelu"] = (_, inputs) => ReferenceTensor.Of(inputs[0]!.Shape, index => inputs[0]![index] is var x && x >= 0 ? x : x * inputs[1]!.Broadcast(index)),
        ["Mean"] = (_, inputs) => ReferenceTensor.Of(Broadcast([.. inputs.Select(input => input!.Shape)]), index => inputs.Average(input => input!.Broadcast(index))),
    };

    /// <summary>erf x = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!, all terms of one sign (Abramowitz and Stegun 7.1.6).</summary>
    public static double Erf(double x)
    {
        var (sum, term) = (0.0, x);
        for (var n = 0; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            sum += term;
            term *= 2 * x * x / ((2 * n) + 3);
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private static double Gelu(double x) => x / 2 * (1 + Erf(x / Math.Sqrt(2)));

    private static double GeluByTanh(double x) => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    private static ReferenceOperator Each(Func<Onnx.Node, double, double> function) =>
        (node, inputs) => new(inputs[0]!.Shape, [.. inputs[0]!.Values.Select(x => function(node, x))]);

    private static long[] Broadcast(long[][] shapes)
    {
        var rank = shapes.Max(shape => shape.Length);
        return [.. Enumerable.Range(1, rank).Select(fromEnd => shapes.Max(shape => fromEnd <= shape.Length ? shape[^fromEnd] : 1)).Reverse()];
    }
}
