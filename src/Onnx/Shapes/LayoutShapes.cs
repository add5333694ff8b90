using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Shape rules of operators that move, cut and join elements.</summary>
internal static class LayoutShapes
{
    public static readonly Dictionary<string, ShapeRule> Table = new()
    {
        ["Transpose"] = c =>
        {
            var shape = c.Shape(0);
            var permutation = c.Node.Ints("perm") ?? (shape is null ? null : [.. Enumerable.Range(0, shape.Rank).Reverse().Select(axis => (long)axis)]);
            if (shape is not null && (permutation!.Length != shape.Rank || !permutation.Order().SequenceEqual(Enumerable.Range(0, shape.Rank).Select(axis => (long)axis))))
            {
                throw c.Error($"permutation [{string.Join(", ", permutation)}] of an input of {shape.Rank} axes");
            }

            c.Set(c.In(0).Type, shape is null ? null : new TensorShape(permutation!.Select(axis => shape[(int)axis])));
        },
        ["Reshape"] = Reshape,
        ["Flatten"] = c =>
        {
            var shape = c.Shape(0);
            var axis = (int)c.Node.Int("axis", 1);
            c.Set(c.In(0).Type, shape is null ? null : [Product(shape.Take(axis < 0 ? axis + shape.Rank : axis)), Product(shape.Skip(axis < 0 ? axis + shape.Rank : axis))]);
        },
        ["Unsqueeze"] = c =>
        {
            var axes = c.Node.Ints("axes") ?? c.Integers(1);
            if (c.Shape(0) is { } shape && axes is not null)
            {
                var rank = shape.Rank + axes.Length;
                var inserted = axes.Select(axis => c.Axis(axis, rank)).ToHashSet();
                var rest = new Queue<Dim>(shape);
                c.Set(c.In(0).Type, new TensorShape(Enumerable.Range(0, rank).Select(axis => inserted.Contains(axis) ? 1 : rest.Dequeue()).ToArray()));
            }
            else
            {
                c.Set(c.In(0).Type, null);
            }

            c.Node.Output.Elements = c.In(0).Elements;
        },
        ["Squeeze"] = c =>
        {
            var axes = c.Node.Ints("axes") ?? c.Integers(1);
            if (c.Shape(0) is { } shape && (axes is not null || shape.All(dim => dim.Value is not null)))
            {
                var removed = axes?.Select(axis => c.Axis(axis, shape.Rank)).ToHashSet()
                    ?? [.. Enumerable.Range(0, shape.Rank).Where(axis => shape[axis].Value == 1)];
                if (removed.FirstOrDefault(axis => shape[axis].Value is { } extent && extent != 1, -1) is var wrong and >= 0)
                {
                    throw c.Error($"axis {wrong} has extent {shape[wrong]}; only axes of extent 1 can be removed");
                }

                c.Set(c.In(0).Type, new TensorShape(shape.Where((_, axis) => !removed.Contains(axis))));
            }
            else
            {
                c.Set(c.In(0).Type, null);
            }

            c.Node.Output.Elements = c.In(0).Elements;
        },
        ["Concat"] = Concat,
        ["Split"] = Split,
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
        ["Pad"] = c =>
        {
            var pads = c.Node.Ints("pads") ?? c.Integers(1);
            c.Set(c.In(0).Type, c.Shape(0) is not { } shape ? null
                : pads is null || c.Node.OptionalInput(3) is not null ? new TensorShape(shape.Select(_ => Dim.Unknown))
                : pads.Length != 2 * shape.Rank ? throw c.Error($"{pads.Length} pads for {shape.Rank} axes; expected {2 * shape.Rank}")
                : new TensorShape(shape.Select((dim, axis) => Plus(dim, pads[axis] + pads[axis + shape.Rank]))));
        },
        ["Expand"] = c => c.Set(c.In(0).Type, Target(c, 1) is { } target ? c.Broadcast(c.Shape(0), target) : null),
        ["Tile"] = c => c.Set(c.In(0).Type, c.Shape(0) is { } shape
            ? new TensorShape(shape.Select((dim, axis) => c.Integers(1) is { } repeats && dim.Value is { } extent ? extent * repeats[axis] : c.Integers(1)?[axis] == 1 ? dim : Dim.Unknown))
            : null),
        ["Shape"] = c =>
        {
            if (c.Shape(0) is { } shape)
            {
                var start = Clamp(c.Node.Int("start", 0), shape.Rank);
                var end = Clamp(c.Node.Int("end", shape.Rank), shape.Rank);
                c.Node.Output.Elements = [.. shape.Skip(start).Take(end - start)];
                c.Set(ElementType.Int64, [(long)Math.Max(0, end - start)]);
            }
            else
            {
                c.Set(ElementType.Int64, [Dim.Unknown]);
            }
        },
        ["Size"] = c => c.Set(ElementType.Int64, TensorShape.Scalar),
        ["ConstantOfShape"] = c => c.Set(
            c.Node.Attributes.TryGetValue("value", out var value) && value.Content is TensorData data ? data.Type : ElementType.Float, Target(c, 0)),
        ["Constant"] = Constant,
        ["Range"] = c => c.Set(c.In(0).Type, [c.Integers(0) is [var start] && c.Integers(1) is [var limit] && c.Integers(2) is [var delta] && delta != 0
            ? Math.Max(0, (limit - start + delta - Math.Sign(delta)) / delta) : Dim.Unknown]),
        ["OneHot"] = c =>
        {
            var indices = c.Shape(0);
            var axis = indices is null ? 0 : c.Axis(c.Node.Int("axis", -1), indices.Rank + 1);
            c.Set(c.In(2).Type, indices is null ? null : new TensorShape(indices.Take(axis).Append(c.Integers(1) is [var depth] ? depth : Dim.Unknown).Concat(indices.Skip(axis))));
        },
        ["DepthToSpace"] = c =>
        {
            var block = c.Node.Int("blocksize", 1);
            c.Set(c.In(0).Type, c.Shape(0) is { Rank: 4 } shape ? [shape[0], Divide(shape[1], block * block), Times(shape[2], block), Times(shape[3], block)] : null);
        },
        ["SpaceToDepth"] = c =>
        {
            var block = c.Node.Int("blocksize", 1);
            c.Set(c.In(0).Type, c.Shape(0) is { Rank: 4 } shape ? [shape[0], Times(shape[1], block * block), Divide(shape[2], block), Divide(shape[3], block)] : null);
        },
    };

    public static Dim Plus(Dim dim, long number) => dim.Value is { } extent ? extent + number : number == 0 ? dim : Dim.Unknown;

    public static Dim Times(Dim dim, long number) => dim.Value is { } extent ? extent * number : number == 1 ? dim : Dim.Unknown;

    public static Dim Divide(Dim dim, long number) => dim.Value is { } extent ? extent / number : number == 1 ? dim : Dim.Unknown;

    private static int Clamp(long position, int length) => (int)Math.Clamp(position < 0 ? position + length : position, 0, length);

    private static Dim Product(IEnumerable<Dim> dims)
    {
        Dim product = 1;
        foreach (var dim in dims)
        {
            product = product.Value == 1 ? dim : dim.Value is { } extent ? Times(product, extent) : Dim.Unknown;
        }

        return product;
    }

    /// <summary>The shape that an input holds as numbers, symbols included; null when not even its length is known.</summary>
    private static TensorShape? Target(ShapeContext c, int input) =>
        c.In(input).Elements is { } elements ? new TensorShape(elements.AsEnumerable())
        : c.Integers(input) is { } numbers ? TensorShape.Of(numbers)
        : c.Shape(input) is { Rank: 1 } length && length[0].Value is { } rank ? new TensorShape(Enumerable.Repeat(Dim.Unknown, checked((int)rank)))
        : null;

    private static void Constant(ShapeContext c)
    {
        if (c.Node.Attributes.TryGetValue("value", out var attribute) && attribute.Content is TensorData data)
        {
            c.Set(data.Type, TensorShape.Of(data.Shape.AsSpan()));
            c.Node.Output.Elements = data.Type == ElementType.Int64 && data.Count <= 64 ? [.. data.AsSpan<long>().ToArray().Select(Dim.FromInt64)] : null;
        }
        else if (c.Node.Attributes.TryGetValue("value_int", out attribute) && attribute.Content is long number)
        {
            c.Set(ElementType.Int64, TensorShape.Scalar);
            c.Node.Output.Elements = [number];
        }
        else if (c.Node.Attributes.TryGetValue("value_ints", out attribute) && attribute.Content is long[] numbers)
        {
            c.Set(ElementType.Int64, [(long)numbers.Length]);
            c.Node.Output.Elements = [.. numbers.Select(Dim.FromInt64)];
        }
        else if (c.Node.Attributes.ContainsKey("value_float"))
        {
            c.Set(ElementType.Float, TensorShape.Scalar);
        }
        else if (c.Node.Attributes.TryGetValue("value_floats", out attribute) && attribute.Content is float[] floats)
        {
            c.Set(ElementType.Float, [(long)floats.Length]);
        }
    }

    private static void Reshape(ShapeContext c)
    {
        if (Target(c, 1) is not { } target)
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        var source = c.Shape(0);
        var zeroCopies = c.Node.Int("allowzero", 0) == 0;
        var dims = target.Select((dim, axis) => dim.Value == 0 && zeroCopies
            ? source is null ? Dim.Unknown : axis < source.Rank ? source[axis] : throw c.Error($"0 at position {axis} of the new shape {target}, but the input has {source.Rank} axes")
            : dim).ToArray();
        var computed = Array.FindIndex(dims, dim => dim.Value == -1);
        if (computed >= 0)
        {
            dims[computed] = source is null ? Dim.Unknown : Missing(c, source, dims, computed);
        }
        else if (source?.ElementCount is { } have && new TensorShape(dims).ElementCount is { } want && have != want)
        {
            throw c.Error($"{have} elements cannot take the shape {target}, which has {want}");
        }

        c.Set(c.In(0).Type, new TensorShape(dims));
        if (dims.Length <= 1)
        {
            c.Node.Output.Elements = c.In(0).Elements;
        }
    }

    private static Dim Missing(ShapeContext c, TensorShape source, Dim[] dims, int computed)
    {
        // Equal symbols on both sides cancel; what is left must be numbers.
        var have = source.ToList();
        long known = 1;
        foreach (var dim in dims.Where((_, axis) => axis != computed))
        {
            if (dim.Value is { } extent)
            {
                known *= extent;
            }
            else if (dim.IsUnknown || !have.Remove(dim))
            {
                return Dim.Unknown;
            }
        }

        long total = 1;
        Dim? symbol = null;
        foreach (var dim in have)
        {
            if (dim.Value is { } extent)
            {
                total *= extent;
            }
            else if (symbol is null && !dim.IsUnknown)
            {
                symbol = dim;
            }
            else
            {
                return Dim.Unknown;
            }
        }

        if (known == 0)
        {
            return Dim.Unknown;
        }

        if (symbol is not null)
        {
            return total == known ? symbol.Value : Dim.Unknown;
        }

        return total % known == 0 ? total / known : throw c.Error($"{total} elements do not divide into groups of {known}");
    }

    private static void Concat(ShapeContext c)
    {
        var axisAttribute = c.Node.Int("axis", 0);
        if (c.Node.Inputs.Any(input => input?.Shape is null))
        {
            c.Set(c.In(0).Type, null);
            return;
        }

        var first = c.Shape(0)!;
        var axis = c.Axis(axisAttribute, first.Rank);
        var dims = first.ToArray();
        for (var i = 1; i < c.Node.Inputs.Count; i++)
        {
            c.SameType(0, i);
            var shape = c.Shape(i)!;
            if (shape.Rank != first.Rank)
            {
                throw c.Error($"input {i} has {shape.Rank} axes; expected {first.Rank} like input 0");
            }

            for (var d = 0; d < dims.Length; d++)
            {
                if (d == axis)
                {
                    dims[d] = dims[d].Value is { } a && shape[d].Value is { } b ? a + b : Dim.Unknown;
                }
                else if (dims[d].Contradicts(shape[d]))
                {
                    throw c.Error($"input {i} has extent {shape[d]} on axis {d}; expected {dims[d]} like the others");
                }
                else if (dims[d].IsUnknown)
                {
                    dims[d] = shape[d];
                }
            }
        }

        c.Set(c.In(0).Type, new TensorShape(dims));
        if (dims.Length == 1 && c.Node.Inputs.All(input => input!.Elements is not null))
        {
            c.Node.Output.Elements = [.. c.Node.Inputs.SelectMany(input => input!.Elements!.Value)];
        }
    }

    private static void Split(ShapeContext c)
    {
        var sizes = c.Node.Ints("split") ?? c.Integers(1);
        var shape = c.Shape(0);
        if (shape is not null)
        {
            var axis = c.Axis(c.Node.Int("axis", 0), shape.Rank);
            if (sizes is null && shape[axis].Value is { } whole && c.Node.OptionalInput(1) is null)
            {
                var part = (whole + c.Node.Outputs.Count - 1) / c.Node.Outputs.Count;
                sizes = [.. Enumerable.Range(0, c.Node.Outputs.Count).Select(i => Math.Max(0, Math.Min(part, whole - (i * part))))];
            }

            if (sizes is not null && shape[axis].Value is { } extent && sizes.Sum() != extent)
            {
                throw c.Error($"sizes [{string.Join(", ", sizes)}] sum to {sizes.Sum()}, but axis {axis} has extent {extent}");
            }

            for (var i = 0; i < c.Node.Outputs.Count; i++)
            {
                c.Set(c.In(0).Type, shape.With(axis, sizes is null ? Dim.Unknown : sizes[i]), i);
            }

            return;
        }

        for (var i = 0; i < c.Node.Outputs.Count; i++)
        {
            c.Set(c.In(0).Type, null, i);
        }
    }

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
            var (from, to) = (Clamp(start, elements.Length), Clamp(end, elements.Length));
            c.Node.Output.Elements = [.. elements.Skip(from).Take(Math.Max(0, to - from))];
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

            var (low, high) = step > 0 ? (0L, length) : (-1L, length - 1);
            var from = Math.Clamp(start < 0 ? start + length : start, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
            var to = Math.Clamp(end < 0 ? end + length : end, low, high);
            if (step < 0 && end < -length)
            {
                to = -1;
            }

            return Math.Max(0, step > 0 ? (to - from + step - 1) / step : (from - to - step - 1) / -step);
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
            c.Node.Output.Elements = [.. positions.Select(position => (int)(position < 0 ? position + elements.Length : position)).Select(position =>
                position >= 0 && position < elements.Length ? elements[position] : throw c.Error($"position {position} of {elements.Length} elements"))];
        }
    }
}
