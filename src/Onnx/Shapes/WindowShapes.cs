using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of convolutions, pooling and resizing.</summary>
internal static class WindowShapes
{
    public static readonly Dictionary<string, ShapeRule> Table = new()
    {
        ["Conv"] = Conv,
        ["ConvTranspose"] = ConvTranspose,
        ["MaxPool"] = Pool,
        ["AveragePool"] = Pool,
        ["GlobalAveragePool"] = GlobalPool,
        ["GlobalMaxPool"] = GlobalPool,
        ["Resize"] = Resize,
    };

    private static void GlobalPool(ShapeContext c) =>
        c.Set(c.In(0).Type, c.Shape(0) is { } shape ? new TensorShape(shape.Select((dim, axis) => axis < 2 ? dim : 1)) : null);

    private static void Conv(ShapeContext c)
    {
        c.SameType(0, 1);
        if (c.Shape(0) is not { } x || c.Shape(1) is not { } weight)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        ExpectRanks(c, x, weight);
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

        ExpectRanks(c, x, weight);
        if (x[1].Contradicts(weight[0]))
        {
            throw c.Error($"the input has {x[1]} channels; the kernel expects {weight[0]}");
        }

        var spatial = x.Rank - 2;
        var window = new Window(c, spatial);
        var extra = c.Node.Ints("output_padding") ?? new long[spatial];
        var fixedSizes = c.Node.Ints("output_shape");
        var dims = new Dim[spatial];
        for (var i = 0; i < spatial; i++)
        {
            if (fixedSizes is not null)
            {
                dims[i] = fixedSizes[fixedSizes.Length - spatial + i]; // with or without batch and channels
            }
            else if (x[i + 2].Value is { } extent && weight[i + 2].Value is { } kernel)
            {
                dims[i] = window.Same
                    ? extent * window.Strides[i]
                    : (window.Strides[i] * (extent - 1)) + extra[i] + ((kernel - 1) * window.Dilations[i]) + 1 - window.Pads[i] - window.Pads[i + spatial];
            }
        }

        c.Set(c.In(0).Type, new TensorShape([x[0], LayoutShapes.Times(weight[1], c.Node.Int("group", 1)), .. dims]));
    }

    private static void ExpectRanks(ShapeContext c, TensorShape x, TensorShape weight)
    {
        if (x.Rank < 3 || weight.Rank != x.Rank)
        {
            throw c.Error($"the input has {x.Rank} axes and the kernel {weight.Rank}; both need the same number, at least 3");
        }
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
        var window = new Window(c, spatial);
        var up = c.Node.Int("ceil_mode", 0) != 0;
        var dims = new Dim[spatial];
        for (var i = 0; i < spatial; i++)
        {
            if (x[i + 2].Value is not { } extent || kernel[i].Value is not { } size)
            {
                continue;
            }

            var stride = window.Strides[i];
            if (window.Same)
            {
                dims[i] = (extent + stride - 1) / stride;
                continue;
            }

            var room = extent + window.Pads[i] + window.Pads[i + spatial] - ((size - 1) * window.Dilations[i]) - 1;
            if (room < 0)
            {
                throw c.Error($"axis {i + 2} of extent {extent} is smaller than the window of {size}");
            }

            var count = (up ? (room + stride - 1) / stride : room / stride) + 1;
            // A last window that would start in the padding at the end is left out, as in PyTorch.
            dims[i] = up && (count - 1) * stride >= extent + window.Pads[i] ? count - 1 : count;
        }

        return dims;
    }

    private static void Resize(ShapeContext c)
    {
        if (c.Shape(0) is not { } x)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        var axes = c.Node.Ints("axes")?.Select(axis => c.Axis(axis, x.Rank)).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        var stretch = c.Node.Text("keep_aspect_ratio_policy", "stretch") == "stretch";
        var crop = c.Node.Text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
        var sizes = c.Node.OptionalInput(3);
        var scales = c.Node.OptionalInput(2) is { Data: { Type: ElementType.Float, Count: <= ShapeContext.MaximumRank } data } ? data.ToSingles() : null;
        var dims = x.ToArray();
        for (var i = 0; i < axes.Length; i++)
        {
            var extent = x[axes[i]];
            dims[axes[i]] = sizes is not null ? stretch && sizes.Elements is { } elements ? elements[i] : Dim.Unknown
                : scales is not { Length: > 0 } || crop ? Dim.Unknown
                : extent.Value is { } number ? (long)(number * scales[i]) // in single precision, as ONNX Runtime computes it
                : scales[i] == 1 ? extent : Dim.Unknown;
        }

        c.Set(c.In(0).Type, new TensorShape(dims));
    }

    /// <summary>How a window moves over spatial axes; pads are begins, then ends.</summary>
    private readonly struct Window
    {
        public Window(ShapeContext c, int spatial)
        {
            Strides = Expect(c, "strides", spatial) ?? [.. Enumerable.Repeat(1L, spatial)];
            Dilations = Expect(c, "dilations", spatial) ?? [.. Enumerable.Repeat(1L, spatial)];
            Pads = Expect(c, "pads", 2 * spatial) ?? new long[2 * spatial];
            var automatic = c.Node.Text("auto_pad", "NOTSET");
            Same = automatic.StartsWith("SAME", StringComparison.Ordinal);
            if (automatic != "NOTSET")
            {
                Pads = new long[2 * spatial];
            }
        }

        public long[] Strides { get; }

        public long[] Dilations { get; }

        public long[] Pads { get; }

        /// <summary>Pads are chosen so that only the stride decides the extent.</summary>
        public bool Same { get; }

        private static long[]? Expect(ShapeContext c, string attribute, int length) => c.Node.Ints(attribute) is not { } numbers ? null
            : numbers.Length == length ? numbers
            : throw c.Error($"{numbers.Length} {attribute}; expected {length}");
    }
}
