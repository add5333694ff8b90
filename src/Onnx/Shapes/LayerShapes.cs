using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of matrix products, normalisation, losses and attention.</summary>
internal static class LayerShapes
{
    public static readonly Dictionary<string, ShapeRule> Table = new()
    {
        ["MatMul"] = c => MatMul(c, false, false),
        ["com.microsoft.FusedMatMul"] = c => MatMul(c, c.Node.Int("transA", 0) != 0, c.Node.Int("transB", 0) != 0),
        ["MatMulInteger"] = c =>
        {
            MatMul(c, false, false, sameType: false);
            c.Node.Output.Type = ElementType.Int32;
        },
        ["Gemm"] = c =>
        {
            c.SameType(0, 1);
            if (c.Shape(0) is not { Rank: 2 } a || c.Shape(1) is not { Rank: 2 } b)
            {
                c.Set(c.In(0).Type, c.Shape(0) is null || c.Shape(1) is null ? null : throw c.Error("Gemm multiplies matrices of two axes"));
                return;
            }

            var (m, k) = c.Node.Int("transA", 0) != 0 ? (a[1], a[0]) : (a[0], a[1]);
            var (k2, n) = c.Node.Int("transB", 0) != 0 ? (b[1], b[0]) : (b[0], b[1]);
            if (k.Contradicts(k2))
            {
                throw c.Error($"inner extents {k} and {k2} differ");
            }

            c.Set(c.In(0).Type, [m, n]);
        },
        ["Einsum"] = Einsum,
        ["LayerNormalization"] = c => Normalization(c, (int)c.Node.Int("axis", -1)),
        ["com.microsoft.SkipLayerNormalization"] = ElementwiseShapes.Same,
        ["GroupNormalization"] = ElementwiseShapes.Same,
        ["InstanceNormalization"] = ElementwiseShapes.Same,
        ["BatchNormalization"] = c =>
        {
            ElementwiseShapes.Same(c);
            c.Set(c.In(3).Type, c.Shape(3), 1);
            c.Set(c.In(4).Type, c.Shape(4), 2);
        },
        ["LpNormalization"] = ElementwiseShapes.Same,
        ["SoftmaxCrossEntropyLoss"] = c =>
        {
            c.Set(c.In(0).Type, c.Node.Text("reduction", "mean") == "none" ? c.Shape(1) : TensorShape.Scalar);
            c.Set(c.In(0).Type, c.Shape(0), 1);
        },
        ["com.microsoft.MultiHeadAttention"] = c => c.Set(c.In(0).Type, c.Shape(0) is { Rank: 3 } query
            ? query.With(2, c.Shape(2) switch { { Rank: 3 } value => value[2], null => query[2], _ => Dim.Unknown })
            : null),
        ["RandomNormalLike"] = Like, ["RandomUniformLike"] = Like, ["EyeLike"] = Like,
        ["QuantizeLinear"] = c => c.Set(c.Node.OptionalInput(2)?.Type ?? (ElementType)c.Node.Int("output_dtype", (long)ElementType.UInt8), c.Shape(0)),
        ["DequantizeLinear"] = c => c.Set(c.In(1).Type, c.Shape(0)),
        ["DynamicQuantizeLinear"] = c =>
        {
            c.Set(ElementType.UInt8, c.Shape(0));
            c.Set(ElementType.Float, TensorShape.Scalar, 1);
            c.Set(ElementType.UInt8, TensorShape.Scalar, 2);
        },
        ["com.microsoft.MatMulNBits"] = c => c.Set(c.In(0).Type, c.Shape(0)?.With(-1, c.Node.Int("N", 0))),
        ["If"] = If,
    };

    private static void MatMul(ShapeContext c, bool transposeA, bool transposeB, bool sameType = true)
    {
        if (sameType)
        {
            c.SameType(0, 1);
        }

        if (c.Shape(0) is not { } a || c.Shape(1) is not { } b)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        if (a.Rank == 0 || b.Rank == 0)
        {
            throw c.Error("a scalar cannot be an operand of a matrix product");
        }

        var left = a.Rank == 1 ? [1, a[0]] : transposeA ? Swap(a) : a;
        var right = b.Rank == 1 ? [b[0], 1] : transposeB ? Swap(b) : b;
        if (left[-1].Contradicts(right[-2]))
        {
            throw c.Error($"inner extents differ: input 0 has {left[-1]}, input 1 has {right[-2]}");
        }

        var batch = c.Broadcast(new TensorShape(left.Take(left.Rank - 2)), new TensorShape(right.Take(right.Rank - 2)))!;
        IEnumerable<Dim> dims = batch;
        dims = a.Rank == 1 ? dims : dims.Append(left[-2]);
        dims = b.Rank == 1 ? dims : dims.Append(right[-1]);
        c.Set(c.In(0).Type, new TensorShape(dims));

        static TensorShape Swap(TensorShape shape) => shape.With(-1, shape[-2]).With(-2, shape[-1]);
    }

    private static void Einsum(ShapeContext c)
    {
        var equation = c.Node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal);
        var sides = equation.Split("->");
        var terms = sides[0].Split(',');
        if (terms.Length != c.Node.Inputs.Count)
        {
            throw c.Error($"the equation '{equation}' has {terms.Length} terms for {c.Node.Inputs.Count} inputs");
        }

        if (sides.Length != 2 || equation.Contains("...", StringComparison.Ordinal))
        {
            c.Set(c.In(0).Type, null); // legal, but nothing here writes it
            return;
        }

        var extents = new Dictionary<char, Dim>();
        for (var i = 0; i < terms.Length; i++)
        {
            if (c.Shape(i) is not { } shape)
            {
                continue;
            }

            if (shape.Rank != terms[i].Length)
            {
                throw c.Error($"term '{terms[i]}' for an input of {shape.Rank} axes");
            }

            for (var axis = 0; axis < shape.Rank; axis++)
            {
                var known = extents.GetValueOrDefault(terms[i][axis]);
                if (known.Contradicts(shape[axis]))
                {
                    throw c.Error($"index '{terms[i][axis]}' stands for {known} and for {shape[axis]}");
                }

                extents[terms[i][axis]] = known.Value is null ? shape[axis] : known;
            }
        }

        c.Set(c.In(0).Type, new TensorShape(sides[1].Select(index => extents.GetValueOrDefault(index))));
    }

    private static void Like(ShapeContext c) => c.Set((ElementType)c.Node.Int("dtype", (long)c.In(0).Type), c.Shape(0));

    /// <summary>What both branches agree on.</summary>
    private static void If(ShapeContext c)
    {
        if (c.Node.Attributes.GetValueOrDefault("then_branch")?.Content is Graph then && c.Node.Attributes.GetValueOrDefault("else_branch")?.Content is Graph otherwise)
        {
            for (var i = 0; i < Math.Min(then.Outputs.Count, otherwise.Outputs.Count); i++)
            {
                var (a, b) = (then.Outputs[i], otherwise.Outputs[i]);
                c.Set(a.Type == b.Type ? a.Type : ElementType.Undefined, a.Shape is not null && b.Shape is not null && a.Rank == b.Rank
                    ? new TensorShape(a.Shape.Zip(b.Shape, (left, right) => left == right ? left : Dim.Unknown))
                    : null, i);
            }
        }
    }

    private static void Normalization(ShapeContext c, int axis)
    {
        var shape = c.Shape(0);
        c.Set(c.In(0).Type, shape);
        if (shape is null)
        {
            return;
        }

        var from = c.Axis(axis, shape.Rank);
        if (c.Shape(1) is { } scale && scale.Rank <= shape.Rank && scale[-1].Contradicts(shape[-1]) && scale[-1].Value != 1)
        {
            throw c.Error($"the scale has {scale[-1]} elements on its last axis; expected {shape[-1]}");
        }

        var statistics = new TensorShape(shape.Select((dim, i) => i < from ? dim : 1));
        c.Set(ElementType.Float, statistics, 1);
        c.Set(ElementType.Float, statistics, 2);
    }
}
