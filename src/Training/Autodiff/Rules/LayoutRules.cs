using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Operators that move, cut and join elements.</summary>
internal static class LayoutRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["Transpose"] = [c => c.Op.Transpose(c.Grad, Inverse(c))],
        ["Reshape"] = [c => c.Reshape(c.Grad, c.Target), null],
        ["Flatten"] = [c => c.Reshape(c.Grad, c.Target)],
        ["Squeeze"] = [c => c.Reshape(c.Grad, c.Target), null],
        ["Unsqueeze"] = [c => c.Reshape(c.Grad, c.Target), null],
        ["Concat"] = [Part],
        ["Split"] = [c => c.Op.Concat(c.Attribute("axis", 0), [.. c.Node.Outputs.Select((_, i) => c.GradientOrZero(i))]), null],
        ["Slice"] = [Slice, null, null, null, null],
        ["Expand"] = [c => c.Grad, null],
        ["Tile"] = [Tile, null],
        ["Pad"] = [Pad, null, null, null],
        ["DepthToSpace"] = [DepthToSpace],
        ["SpaceToDepth"] = [c => c.Op.DepthToSpace(c.Grad, c.Attribute("blocksize", 1), "DCR")],
        ["Dropout"] = [c => c.Node.OptionalInput(2) is null ? c.Grad : throw c.Unsupported("it is in training mode; multiply by a mask that is an input"), null, null],
    };

    private static long[] Inverse(VjpContext c)
    {
        var permutation = c.Node.Ints("perm") ?? [.. Enumerable.Range(0, c.Target.Rank).Reverse().Select(axis => (long)axis)];
        var inverse = new long[permutation.Length];
        for (var i = 0; i < permutation.Length; i++)
        {
            inverse[permutation[i]] = i;
        }

        return inverse;
    }

    /// <summary>The part of the gradient that belongs to one of the joined inputs.</summary>
    private static Value Part(VjpContext c)
    {
        var axis = c.Axis(c.Output, 0);
        var before = Enumerable.Range(0, c.Index).Select(c.Input).ToList();
        if (before.All(input => input.KnownShape[axis].Value is not null) && c.Target.KnownShape[axis].Value is { } extent)
        {
            var start = before.Sum(input => input.KnownShape[axis].Value!.Value);
            return c.Op.Slice(c.Grad, axis, start, start + extent);
        }

        var from = before.Select(Extent).Aggregate(c.Op.Int64s(0), c.Op.Add);
        return c.Op.Slice(c.Grad, from, c.Op.Add(from, Extent(c.Target)), c.Op.Int64s(axis));

        Value Extent(Value value) => c.Op.Slice(c.ShapeOf(value), 0, axis, axis + 1);
    }

    /// <summary>Zeros around what was cut out; a step other than 1 puts each element back at its place.</summary>
    private static Value Slice(VjpContext c)
    {
        var x = c.Input(0);
        if (Enumerable.Range(1, 2).Any(input => c.Node.Ints(input == 1 ? "starts" : "ends") is null && c.Input(input) is not { Data: not null, Producer: null }))
        {
            return ComputedSlice(c);
        }

        var starts = c.Integers("starts", 1)!;
        var ends = c.Integers("ends", 2)!;
        var axes = c.Integers("axes", 3) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = c.Integers("steps", 4) ?? [.. Enumerable.Repeat(1L, starts.Length)];
        var pads = new long[2 * x.Rank];
        var gradient = c.Grad;
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = (int)(axes[i] < 0 ? axes[i] + x.Rank : axes[i]);
            if (starts[i] == 0 && steps[i] == 1 && ends[i] >= int.MaxValue)
            {
                continue;
            }

            // What reaches to the end needs no extent; one behind it would fail when the graph runs.
            if (starts[i] > 0 && steps[i] == 1 && ends[i] >= int.MaxValue && x.KnownShape[axis].Value is null)
            {
                pads[axis] = starts[i];
                continue;
            }

            var length = x.KnownShape[axis].Value ?? throw c.Unsupported($"it cuts axis {axis}, whose extent is not fixed");
            var positions = Positions(starts[i], ends[i], steps[i], length);
            if (positions.Length == 0)
            {
                return c.ZerosLike(x);
            }

            if (steps[i] == 1)
            {
                (pads[axis], pads[axis + x.Rank]) = (positions[0], length - 1 - positions[^1]);
                continue;
            }

            gradient = AxisMaps.ScatterAlong(c.Op, gradient, axis, positions, length);
        }

        return pads.Any(pad => pad != 0) ? c.Op.Pad(gradient, pads) : gradient;
    }

    /// <summary>The same for places that the graph computes: what was cut out has the gradient's extent.</summary>
    private static Value ComputedSlice(VjpContext c)
    {
        var (op, x, starts) = (c.Op, c.Input(0), c.Input(1));
        if (c.Integers("steps", 4)?.All(step => step == 1) == false)
        {
            throw c.Unsupported("its places are computed by the graph and it has steps; fixed ones are needed for a gradient");
        }

        var axes = op.Int64s([.. (c.Integers("axes", 3) ?? [.. Enumerable.Range(0, (int)(starts.KnownShape[0].Value ?? x.Rank)).Select(axis => (long)axis)]).Select(axis => axis < 0 ? axis + x.Rank : axis)]);
        var extents = op.Gather(c.ShapeOf(x), axes);
        var before = op.Where(op.Less(starts, op.Int64s(0)), op.Add(starts, extents), starts);
        before = op.Max(op.Min(before, extents), op.Int64s(0));
        var after = op.Sub(op.Sub(extents, before), op.Gather(op.Shape(c.Grad), axes));
        var none = op.Int64s(new long[x.Rank]);
        return op.ReshapeAs(op.Pad(c.Grad, op.Concat(0, op.ScatterElements(none, axes, before, 0), op.ScatterElements(none, axes, after, 0))), c.ShapeOf(x), x);
    }

    private static long[] Positions(long start, long end, long step, long length)
    {
        var from = Math.Clamp(start < 0 ? start + length : start, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
        var to = step > 0 ? Math.Clamp(end < 0 ? end + length : end, 0, length) : end < -length ? -1 : Math.Clamp(end < 0 ? end + length : end, -1, length - 1);
        var positions = new List<long>();
        for (var position = from; step > 0 ? position < to : position > to; position += step)
        {
            positions.Add(position);
        }

        return [.. positions];
    }

    /// <summary>[r₀·d₀, r₁·d₁, …] seen as [r₀, d₀, r₁, d₁, …], summed over the repetitions.</summary>
    private static Value Tile(VjpContext c)
    {
        var x = c.Input(0);
        var repeats = c.Integers("repeats", 1)!;
        var free = Enumerable.Range(0, x.Rank).Where(axis => x.KnownShape[axis].Value is null).ToList();
        if (free.Count > 1)
        {
            throw c.Unsupported("more than one axis of its input has no fixed extent");
        }

        var shape = Enumerable.Range(0, x.Rank).SelectMany(axis => new[] { repeats[axis], x.KnownShape[axis].Value ?? -1 }).ToArray();
        return c.Op.ReduceSum(c.Op.Reshape(c.Grad, shape), keepDims: false, [.. Enumerable.Range(0, x.Rank).Select(axis => 2L * axis)]);
    }

    private static Value Pad(VjpContext c)
    {
        var x = c.Input(0);
        if (c.Node.OptionalInput(3) is not null)
        {
            throw c.Unsupported("it names axes; give pads for every axis");
        }

        var pads = c.Integers("pads", 1)!;
        var mode = c.Node.Text("mode", "constant");
        if (mode == "constant")
        {
            return c.Op.Pad(c.Grad, [.. pads.Select(pad => -pad)]);
        }

        var gradient = c.Grad;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            var (before, after) = (pads[axis], pads[axis + x.Rank]);
            if (before == 0 && after == 0)
            {
                continue;
            }

            var length = x.KnownShape[axis].Value ?? throw c.Unsupported($"it pads axis {axis}, whose extent is not fixed");
            gradient = MatrixProducts.Along(c.Op, gradient, axis, AxisMaps.Padding(mode, before, after, length, c));
        }

        return gradient;
    }

    /// <summary>The inverse of the forward rearrangement; mode CRD keeps the channel first, DCR the block.</summary>
    private static Value DepthToSpace(VjpContext c)
    {
        var block = c.Attribute("blocksize", 1);
        if (c.Node.Text("mode", "DCR") == "DCR")
        {
            return c.Op.Node("SpaceToDepth", [c.Grad], ("blocksize", block));
        }

        var shape = c.Input(0).KnownShape;
        var (channels, height, width) = (shape[1].Value, shape[2].Value, shape[3].Value);
        if (channels is null || height is null || width is null)
        {
            throw c.Unsupported($"its input {shape} needs fixed channels, rows and columns");
        }

        // [N, C, H, b, W, b] → [N, C, b, b, H, W]
        var blocks = c.Op.Reshape(c.Grad, -1, channels.Value / (block * block), height.Value, block, width.Value, block);
        return c.Op.Reshape(c.Op.Transpose(blocks, 0, 1, 3, 5, 2, 4), -1, channels.Value, height.Value, width.Value);
    }
}
