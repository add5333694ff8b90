using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of elementwise operators.</summary>
internal static class ElementwiseShapes
{
    public static readonly Dictionary<string, ShapeRule> Table = new()
    {
        ["Add"] = c => Arithmetic(c, (a, b) => a + b),
        ["Sub"] = c => Arithmetic(c, (a, b) => a - b),
        ["Mul"] = c => Arithmetic(c, (a, b) => a * b),
        ["Div"] = c => Arithmetic(c, (a, b) => b == 0 ? null : a / b),
        ["Pow"] = c => c.Set(c.In(0).Type, c.Broadcast(c.Shape(0), c.Shape(1))),
        ["Max"] = Variadic, ["Min"] = Variadic, ["Sum"] = Variadic, ["Mean"] = Variadic,
        ["Mod"] = c => Arithmetic(c, (a, b) => b == 0 ? null : ((a % b) + b) % b),
        ["PRelu"] = Same,
        ["Neg"] = Same, ["Abs"] = Same, ["Sign"] = Same, ["Sqrt"] = Same, ["Reciprocal"] = Same, ["Exp"] = Same, ["Log"] = Same,
        ["Sin"] = Same, ["Cos"] = Same, ["Erf"] = Same, ["Tanh"] = Same, ["Sigmoid"] = Same, ["Softplus"] = Same, ["Relu"] = Same,
        ["LeakyRelu"] = Same, ["Elu"] = Same, ["HardSigmoid"] = Same, ["HardSwish"] = Same, ["Gelu"] = Same, ["Floor"] = Same, ["Ceil"] = Same,
        ["Round"] = Same, ["Clip"] = Same, ["Tan"] = Same, ["Asin"] = Same, ["Acos"] = Same, ["Atan"] = Same, ["Sinh"] = Same, ["Cosh"] = Same,
        ["Asinh"] = Same, ["Acosh"] = Same, ["Atanh"] = Same, ["Selu"] = Same, ["Celu"] = Same, ["Softsign"] = Same, ["ThresholdedRelu"] = Same,
        ["Mish"] = Same, ["Hardmax"] = Same,
        ["Softmax"] = Same, ["LogSoftmax"] = Same, ["CumSum"] = Same, ["Trilu"] = Same,
        ["Dropout"] = c =>
        {
            Same(c);
            c.Set(ElementType.Bool, c.Shape(0), 1);
        },
        ["com.microsoft.Gelu"] = Same, ["com.microsoft.QuickGelu"] = Same, ["com.microsoft.FastGelu"] = Same,
        ["Identity"] = c =>
        {
            Same(c);
            c.SetElements(c.In(0).Elements);
        },
        ["Not"] = Same,
        ["Equal"] = Comparison, ["Less"] = Comparison, ["Greater"] = Comparison, ["GreaterOrEqual"] = Comparison, ["LessOrEqual"] = Comparison,
        ["And"] = Comparison, ["Or"] = Comparison, ["Xor"] = Comparison,
        ["IsNaN"] = c => c.Set(ElementType.Bool, c.Shape(0)),
        ["IsInf"] = c => c.Set(ElementType.Bool, c.Shape(0)),
        ["Where"] = c =>
        {
            c.SameType(1, 2);
            c.Set(c.In(1).Type, c.Broadcast(c.Broadcast(c.Shape(0), c.Shape(1)), c.Shape(2)));
        },
        ["Cast"] = c =>
        {
            var type = (ElementType)c.Node.Int("to", 0);
            c.Set(type, c.Shape(0));
            c.SetElements(type is ElementType.Int64 or ElementType.Int32 ? c.In(0).Elements : null);
        },
        ["CastLike"] = c => c.Set(c.In(1).Type, c.Shape(0)),
    };

    public static void Same(ShapeContext c) => c.Set(c.In(0).Type, c.Shape(0));

    private static void Comparison(ShapeContext c)
    {
        c.SameType(0, 1);
        c.Set(ElementType.Bool, c.Broadcast(c.Shape(0), c.Shape(1)));
    }

    private static void Variadic(ShapeContext c)
    {
        var shape = c.Shape(0);
        for (var i = 1; i < c.Node.Inputs.Count; i++)
        {
            c.SameType(0, i);
            shape = c.Broadcast(shape, c.Shape(i));
        }

        c.Set(c.In(0).Type, shape);
    }

    private static void Arithmetic(ShapeContext c, Func<Int128, Int128, Int128?> compute)
    {
        c.SameType(0, 1);
        c.Set(c.In(0).Type, c.Broadcast(c.Shape(0), c.Shape(1)));
        if (c.In(0).Elements is { } left && c.In(1).Elements is { } right && (left.Length == right.Length || left.Length == 1 || right.Length == 1))
        {
            c.SetElements(Enumerable.Range(0, Math.Max(left.Length, right.Length)).Select(i => Compute(left[left.Length == 1 ? 0 : i], right[right.Length == 1 ? 0 : i])));
        }

        // Elements may be any 64-bit number, not only extents: what overflows is not known.
        Dim Compute(Dim left, Dim right) => left.Value is { } a && right.Value is { } b && compute(a, b) is { } result && result >= long.MinValue && result <= long.MaxValue
            ? (Dim)(long)result
            : Dim.Unknown;
    }
}
