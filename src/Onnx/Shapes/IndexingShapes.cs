using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of operators that pick elements by position.</summary>
internal static class IndexingShapes
{
    public static readonly Dictionary<string, ShapeRule> Table = new()
    {
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["GatherElements"] = c => c.Set(c.In(0).Type, c.Shape(1)),
        ["GatherND"] = c =>
        {
            var (data, indices) = (c.Shape(0), c.Shape(1));
            var batch = (int)c.Node.Int("batch_dims", 0);
            c.Set(c.In(0).Type, data is not null && indices is not null && indices[-1].Value is { } tuple
                ? new TensorShape(indices.Take(indices.Rank - 1).Concat(data.Skip(batch + (int)tuple)))
                : null);
        },
        ["ScatterElements"] = ElementwiseShapes.Same,
        ["ScatterND"] = ElementwiseShapes.Same,
        ["OneHot"] = c =>
        {
            var indices = c.Shape(0);
            var axis = indices is null ? 0 : c.Axis(c.Node.Int("axis", -1), indices.Rank + 1);
            c.Set(c.In(2).Type, indices is null ? null : new TensorShape(indices.Take(axis).Append(c.Integers(1) is [var depth] ? depth : Dim.Unknown).Concat(indices.Skip(axis))));
        },
        ["NonZero"] = c => c.Set(ElementType.Int64, [c.Shape(0) is { } shape ? shape.Rank : Dim.Unknown, Dim.Unknown]),
        ["GridSample"] = c => c.Set(c.In(0).Type, c.Shape(0) is { Rank: > 2 } x && c.Shape(1) is { } grid && grid.Rank == x.Rank
            ? new TensorShape([x[0], x[1], .. grid.Skip(1).Take(x.Rank - 2)])
            : null),
    };

    private static void Slice(ShapeContext c)
    {
        var (starts, ends) = (c.Integers(1), c.Integers(2));
        var shape = c.Shape(0);
        var axes = c.Node.OptionalInput(3) is null ? starts is null ? null : [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)] : c.Integers(3);
        var steps = c.Node.OptionalInput(4) is null ? starts is null ? null : [.. Enumerable.Repeat(1L, starts.Length)] : c.Integers(4);
        if (shape is null || axes is null)
        {
            c.Set(c.In(0).Type, shape is null ? null : new TensorShape(shape.Select(_ => Dim.Unknown)));
            return;
        }

        var dims = shape.ToArray();
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = c.Axis(axes[i], shape.Rank);
            dims[axis] = starts is not null && ends is not null && steps is not null ? Extent(shape[axis], starts[i], ends[i], steps[i]) : Dim.Unknown;
        }

        c.Set(c.In(0).Type, new TensorShape(dims));
        if (shape.Rank == 1 && c.In(0).Elements is { } elements && starts is [var start] && ends is [var end] && steps is [var step] && step == 1)
        {
            var (from, to) = (LayoutShapes.Clamp(start, elements.Length), LayoutShapes.Clamp(end, elements.Length));
            c.SetElements(elements.Skip(from).Take(to - from));
        }

        Dim Extent(Dim dim, long start, long end, long step)
        {
            if (dim.Value is not { } length)
            {
                return start == 0 && step == 1 && end >= int.MaxValue ? dim : Dim.Unknown;
            }

            if (step == 0)
            {
                throw c.Error("a step of 0");
            }

            // As ONNX Runtime clamps: a start may not lie outside; an end may lie one step beyond either side.
            if (step > 0)
            {
                var (first, last) = (Math.Clamp(start < 0 ? start + length : start, 0, length), Math.Clamp(end < 0 ? end + length : end, 0, length));
                return last <= first ? 0 : 1 + ((last - first - 1) / step);
            }

            var (from, to) = (Math.Clamp(start < 0 ? start + length : start, 0, Math.Max(0, length - 1)), Math.Clamp(end < 0 ? end + length : end, -1, length));
            return from <= to ? 0 : 1 - ((from - to - 1) / step);
        }
    }

    private static void Gather(ShapeContext c)
    {
        var (data, indices) = (c.Shape(0), c.Shape(1));
        if (data is null || indices is null)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        var axis = c.Axis(c.Node.Int("axis", 0), data.Rank);
        c.Set(c.In(0).Type, new TensorShape(data.Take(axis).Concat(indices).Concat(data.Skip(axis + 1))));
        if (c.In(0).Elements is { } elements && c.Integers(1) is { } positions)
        {
            c.SetElements(positions.Select(position => position < 0 ? position + elements.Length : position)
                .Select(position => position >= 0 && position < elements.Length ? elements[(int)position] : throw c.Error($"position {position} of {elements.Length} elements")));
        }
    }
}
