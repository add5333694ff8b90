using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of matrix products, convolutions, normalisation, pooling, resizing and attention.</summary>
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
        ["RMSNormalization"] = ElementwiseShapes.Same,
        ["GroupNormalization"] = ElementwiseShapes.Same,
        ["InstanceNormalization"] = ElementwiseShapes.Same,
        ["BatchNormalization"] = ElementwiseShapes.Same,
        ["LpNormalization"] = ElementwiseShapes.Same,
        ["Conv"] = Conv,
        ["ConvTranspose"] = ConvTranspose,
        ["MaxPool"] = Pool,
        ["AveragePool"] = Pool,
        ["GlobalAveragePool"] = c => c.Set(c.In(0).Type, c.Shape(0) is { } shape ? new TensorShape(shape.Select((dim, axis) => axis < 2 ? dim : 1)) : null),
        ["GlobalMaxPool"] = c => c.Set(c.In(0).Type, c.Shape(0) is { } shape ? new TensorShape(shape.Select((dim, axis) => axis < 2 ? dim : 1)) : null),
        ["Resize"] = Resize,
        ["SoftmaxCrossEntropyLoss"] = c =>
        {
            c.Set(c.In(0).Type, c.Node.Text("reduction", "mean") == "none" ? c.Shape(1) : TensorShape.Scalar);
            c.Set(c.In(0).Type, c.Shape(0), 1);
        },
        ["com.microsoft.MultiHeadAttention"] = c => c.Set(c.In(0).Type, c.Shape(0)),
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
        if (sides.Length != 2 || terms.Length != c.Node.Inputs.Count || equation.Contains("...", StringComparison.Ordinal))
        {
            throw c.Error($"the equation '{equation}'; expected one term an input, an explicit result and no ellipsis");
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

    private static void Conv(ShapeContext c)
    {
        c.SameType(0, 1);
        if (c.Shape(0) is not { } x || c.Shape(1) is not { } weight)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        if (x.Rank < 3 || weight.Rank != x.Rank)
        {
            throw c.Error($"the input has {x.Rank} axes and the kernel {weight.Rank}; both need the same number, at least 3");
        }

        var group = c.Node.Int("group", 1);
        if (x[1].Value is { } channels && weight[1].Value is { } expected && channels != expected * group)
        {
            throw c.Error($"the input has {channels} channels; the kernel expects {expected * group}");
        }

        c.Set(c.In(0).Type, new TensorShape([x[0], weight[0], .. Windows(c, x, [.. weight.Skip(2)])]));
    }

    private static void ConvTranspose(ShapeContext c)
    {
        c.SameType(0, 1);
        if (c.Shape(0) is not { } x || c.Shape(1) is not { } weight)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        if (x[1].Contradicts(weight[0]))
        {
            throw c.Error($"the input has {x[1]} channels; the kernel expects {weight[0]}");
        }

        var spatial = x.Rank - 2;
        var (strides, pads, dilations) = Geometry(c, spatial);
        var extra = c.Node.Ints("output_padding") ?? new long[spatial];
        c.Set(c.In(0).Type, new TensorShape([x[0], LayoutShapes.Times(weight[1], c.Node.Int("group", 1)), .. Enumerable.Range(0, spatial).Select(i =>
            x[i + 2].Value is { } extent && weight[i + 2].Value is { } kernel
                ? (Dim)((strides[i] * (extent - 1)) + extra[i] + ((kernel - 1) * dilations[i]) + 1 - pads[i] - pads[i + spatial])
                : Dim.Unknown)]));
    }

    private static void Pool(ShapeContext c)
    {
        var kernel = c.Node.Ints("kernel_shape") ?? throw c.Error("no kernel_shape");
        var shape = c.Shape(0) is { } x ? new TensorShape([x[0], x[1], .. Windows(c, x, [.. kernel.Select(Dim.FromInt64)])]) : null;
        c.Set(c.In(0).Type, shape);
        c.Set(ElementType.Int64, shape, 1);
    }

    private static Dim[] Windows(ShapeContext c, TensorShape x, Dim[] kernel)
    {
        var spatial = x.Rank - 2;
        var (strides, pads, dilations) = Geometry(c, spatial);
        var automatic = c.Node.Text("auto_pad", "NOTSET");
        var up = c.Node.Int("ceil_mode", 0) != 0;
        var dims = new Dim[spatial];
        for (var i = 0; i < spatial; i++)
        {
            if (x[i + 2].Value is not { } extent || kernel[i].Value is not { } size)
            {
                continue;
            }

            if (automatic.StartsWith("SAME", StringComparison.Ordinal))
            {
                dims[i] = (extent + strides[i] - 1) / strides[i];
                continue;
            }

            var room = extent + pads[i] + pads[i + spatial] - ((size - 1) * dilations[i]) - 1;
            if (room < 0)
            {
                throw c.Error($"axis {i + 2} of extent {extent} is smaller than the window of {size}");
            }

            dims[i] = (up ? (room + strides[i] - 1) / strides[i] : room / strides[i]) + 1;
        }

        return dims;
    }

    private static (long[] Strides, long[] Pads, long[] Dilations) Geometry(ShapeContext c, int spatial) => (
        c.Node.Ints("strides") ?? [.. Enumerable.Repeat(1L, spatial)],
        c.Node.Ints("pads") ?? new long[2 * spatial],
        c.Node.Ints("dilations") ?? [.. Enumerable.Repeat(1L, spatial)]);

    private static void Resize(ShapeContext c)
    {
        if (c.Shape(0) is not { } x)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        var axes = c.Node.Ints("axes")?.Select(axis => c.Axis(axis, x.Rank)).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        var dims = x.ToArray();
        var sizes = c.Node.OptionalInput(3);
        var scales = c.Node.OptionalInput(2)?.Data is { Type: ElementType.Float } data ? data.ToSingles() : null;
        for (var i = 0; i < axes.Length; i++)
        {
            dims[axes[i]] = sizes is not null
                ? sizes.Elements is { } elements ? elements[i] : c.Integers(3) is { } fixedSizes ? fixedSizes[i] : Dim.Unknown
                : scales is { Length: > 0 } && x[axes[i]].Value is { } extent ? (long)Math.Floor(extent * (double)scales[i])
                : scales is { Length: > 0 } && scales[i] == 1 ? x[axes[i]] : Dim.Unknown;
        }

        c.Set(c.In(0).Type, new TensorShape(dims));
    }
}
