using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Convolutions: the gradient of the input is the transposed convolution with the same kernel, and the other way round.</summary>
internal static class ConvolutionRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["Conv"] = [Input, c => Kernel(c, c.Input(0), c.Grad), Bias],
        ["ConvTranspose"] =
        [
            c => Geometry(c) is var g ? c.Op.Conv(c.Grad, c.Input(1), null, g.Strides, g.Pads, g.Dilations, g.Group) : null!,
            c => Kernel(c, c.Grad, c.Input(0)),
            Bias,
        ],
    };

    private readonly record struct Window(long[] Strides, long[] Pads, long[] Dilations, long Group);

    private static Window Geometry(VjpContext c)
    {
        var spatial = c.Input(0).Rank - 2;
        if (c.Node.Text("auto_pad", "NOTSET") is not "NOTSET" and var automatic)
        {
            throw c.Unsupported($"auto_pad {automatic} is not supported; write the pads down");
        }

        return new Window(
            c.Node.Ints("strides") ?? [.. Enumerable.Repeat(1L, spatial)],
            c.Node.Ints("pads") ?? new long[2 * spatial],
            c.Node.Ints("dilations") ?? [.. Enumerable.Repeat(1L, spatial)],
            c.Attribute("group", 1));
    }

    private static Value Bias(VjpContext c) =>
        c.Op.ReduceSum(c.Grad, keepDims: false, [0, .. Enumerable.Range(2, c.Grad.Rank - 2).Select(axis => (long)axis)]);

    private static Value Input(VjpContext c)
    {
        var (strides, pads, dilations, group) = Geometry(c);
        var (x, kernel) = (c.Input(0).KnownShape, c.Input(1).KnownShape);
        var spatial = strides.Length;
        var extra = new long[spatial];
        for (var i = 0; i < spatial; i++)
        {
            // What the last window did not reach of the input gets no gradient.
            if (x[i + 2].Value is { } extent && kernel[i + 2].Value is { } size && c.Grad.KnownShape[i + 2].Value is { } windows)
            {
                extra[i] = extent - ((strides[i] * (windows - 1)) + ((size - 1) * dilations[i]) + 1 - pads[i] - pads[i + spatial]);
            }
            else if (strides[i] != 1)
            {
                throw c.Unsupported($"its input {x} has no fixed extent on axis {i + 2}, which a stride of {strides[i]} needs");
            }
        }

        return c.Op.ConvTranspose(c.Grad, c.Input(1), null, strides, pads, group, extra, dilations);
    }

    /// <summary>
    /// dL/dKernel of the convolution that maps <paramref name="wide"/> to <paramref name="narrow"/>: for each position of the kernel,
    /// the products of what it saw with the gradients, summed over windows.
    /// </summary>
    private static Value Kernel(VjpContext c, Value wide, Value narrow)
    {
        var window = Geometry(c);
        var kernel = c.Target.KnownShape.ToInt64s();
        var taps = kernel.Skip(2).Aggregate(1L, (product, extent) => product * extent);
        if (window.Group != 1 || taps > 49)
        {
            return IsPatching(window, kernel) && window.Group == 1 ? Patches(c, wide, narrow, kernel) : ByConvolution(c, wide, narrow, window, kernel);
        }

        return IsPatching(window, kernel) && taps > 1 ? Patches(c, wide, narrow, kernel) : Taps(c, wide, narrow, window, kernel);
    }

    private static bool IsPatching(Window window, long[] kernel) => window.Pads.All(pad => pad == 0) && window.Dilations.All(dilation => dilation == 1)
        && window.Strides.SequenceEqual(kernel.Skip(2));

    /// <summary>A kernel as wide as its stride: every element is seen once, so one matrix product over all patches is enough.</summary>
    private static Value Patches(VjpContext c, Value wide, Value narrow, long[] kernel)
    {
        var (op, spatial) = (c.Op, kernel.Length - 2);
        var windows = Extents(c, narrow);
        for (var i = 0; i < spatial; i++)
        {
            wide = op.Slice(wide, i + 2, 0, windows[i] * kernel[i + 2]);
        }

        // [N, C, o₁, k₁, o₂, k₂, …] → [N·o₁·o₂…, C·k₁·k₂…]
        long[] split = [-1, kernel[1], .. Enumerable.Range(0, spatial).SelectMany(i => new[] { windows[i], kernel[i + 2] })];
        long[] order = [0, .. Enumerable.Range(0, spatial).Select(i => 2L + (2 * i)), 1, .. Enumerable.Range(0, spatial).Select(i => 3L + (2 * i))];
        var patches = op.Reshape(op.Transpose(op.Reshape(wide, split), order), -1, kernel.Skip(1).Aggregate(1L, (product, extent) => product * extent));
        long[] channelsLast = [0, .. Enumerable.Range(2, spatial).Select(axis => (long)axis), 1];
        var gradients = op.Reshape(op.Transpose(narrow, channelsLast), -1, kernel[0]);
        return op.Reshape(c.MatMul(gradients, patches, transposeA: true), kernel);
    }

    /// <summary>Small kernels: one matrix product for each of its positions.</summary>
    private static Value Taps(VjpContext c, Value wide, Value narrow, Window window, long[] kernel)
    {
        var (op, spatial) = (c.Op, kernel.Length - 2);
        var windows = Extents(c, narrow);
        long[] pads = [0, 0, .. window.Pads.Take(spatial), 0, 0, .. window.Pads.Skip(spatial)];
        var padded = pads.Any(pad => pad != 0) ? op.Pad(wide, pads) : wide;
        var gradients = op.Reshape(narrow, -1, kernel[0], windows.Aggregate(1L, (product, extent) => product * extent));
        var axes = op.Int64s([.. Enumerable.Range(2, spatial).Select(axis => (long)axis)]);
        var parts = new List<Value>();
        foreach (var position in Positions([.. kernel.Skip(2)]))
        {
            var starts = position.Select((tap, i) => tap * window.Dilations[i]).ToArray();
            var ends = starts.Select((start, i) => start + (window.Strides[i] * (windows[i] - 1)) + 1).ToArray();
            var seen = op.Slice(padded, op.Int64s(starts), op.Int64s(ends), axes, op.Int64s(window.Strides));
            var flat = op.Reshape(seen, -1, kernel[1], windows.Aggregate(1L, (product, extent) => product * extent));
            parts.Add(op.ReduceSum(c.MatMul(gradients, flat, transposeB: true), keepDims: false, 0));
        }

        return op.Reshape(parts.Count == 1 ? parts[0] : op.Concat(-1, [.. parts.Select(part => op.Unsqueeze(part, -1))]), kernel);
    }

    /// <summary>The general case: a convolution of the wide side with the gradients as kernel, batch and channel exchanged, stride and
    /// dilation exchanged. Groups stay groups: [C/g, g·N, …] with kernel [M, N, …] gives [C/g, M, …].</summary>
    private static Value ByConvolution(VjpContext c, Value wide, Value narrow, Window window, long[] kernel)
    {
        var (op, spatial) = (c.Op, kernel.Length - 2);
        long[] swap = [1, 0, .. Enumerable.Range(2, spatial).Select(axis => (long)axis)];
        var extents = Extents(c, wide);
        var images = op.Transpose(wide, swap);
        if (window.Group != 1)
        {
            // [g·C, N, …] → [g, C, N, …] → [C, g, N, …] → [C, g·N, …]
            long[] grouped = [1, 0, .. Enumerable.Range(2, spatial + 1).Select(axis => (long)axis)];
            images = op.Transpose(op.Reshape(images, [window.Group, kernel[1], -1, .. extents]), grouped);
            images = op.Reshape(images, [kernel[1], -1, .. extents]);
        }

        var result = op.Conv(images, op.Transpose(narrow, swap), null, window.Dilations, window.Pads, window.Strides, window.Group);
        for (var i = 0; i < spatial; i++)
        {
            result = op.Slice(result, i + 2, 0, kernel[i + 2]);
        }

        return op.Transpose(result, swap);
    }

    private static long[] Extents(VjpContext c, Value map) => [.. Enumerable.Range(2, map.Rank - 2).Select(axis =>
        map.KnownShape[axis].Value ?? throw c.Unsupported($"the kernel is trained and {map.Name} has no fixed extent on axis {axis}; export the encoder for one tile size"))];

    private static IEnumerable<long[]> Positions(long[] extents)
    {
        IEnumerable<long[]> all = [[]];
        foreach (var extent in extents)
        {
            var previous = all;
            all = previous.SelectMany(head => Enumerable.Range(0, checked((int)extent)).Select(tap => (long[])[.. head, tap]));
        }

        return all;
    }
}
