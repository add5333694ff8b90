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

            c.SetElements(c.In(0).Elements);
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

            c.SetElements(c.In(0).Elements);
        },
        ["Concat"] = Concat,
        ["Split"] = Split,
        ["Pad"] = Pad,
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
                c.Set(ElementType.Int64, [(long)Math.Max(0, end - start)]);
                c.SetElements(shape.Skip(start).Take(end - start));
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

    public static int Clamp(long position, int length) => (int)Math.Clamp(position < 0 ? position + length : position, 0, length);

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
        : c.Shape(input) is { Rank: 1 } length && length[0].Value is { } rank and <= ShapeContext.MaximumRank ? new TensorShape(Enumerable.Repeat(Dim.Unknown, checked((int)rank)))
        : null;

    private static void Constant(ShapeContext c)
    {
        if (c.Node.Attributes.TryGetValue("value", out var attribute) && attribute.Content is TensorData data)
        {
            c.Set(data.Type, TensorShape.Of(data.Shape.AsSpan()));
            c.SetElements(ShapeContext.ElementsOf(data));
        }
        else if (c.Node.Attributes.TryGetValue("value_int", out attribute) && attribute.Content is long number)
        {
            c.Set(ElementType.Int64, TensorShape.Scalar);
            c.SetElements([number]);
        }
        else if (c.Node.Attributes.TryGetValue("value_ints", out attribute) && attribute.Content is long[] numbers)
        {
            c.Set(ElementType.Int64, [(long)numbers.Length]);
            c.SetElements(numbers.Select(Dim.FromInt64));
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
            c.SetElements(c.In(0).Elements);
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

    private static void Pad(ShapeContext c)
    {
        var pads = c.Node.Ints("pads") ?? c.Integers(1);
        var axes = c.Node.OptionalInput(3) is null ? [.. Enumerable.Range(0, c.Shape(0)?.Rank ?? 0)] : c.Integers(3)?.Select(axis => c.Axis(axis, c.Shape(0)?.Rank ?? int.MaxValue)).ToArray();
        if (c.Shape(0) is not { } shape || pads is null || axes is null)
        {
            c.Set(c.In(0).Type, c.Shape(0) is { } known ? new TensorShape(known.Select(_ => Dim.Unknown)) : null);
            return;
        }

        if (pads.Length != 2 * axes.Length)
        {
            throw c.Error($"{pads.Length} pads for {axes.Length} axes; expected {2 * axes.Length}");
        }

        var dims = shape.ToArray();
        for (var i = 0; i < axes.Length; i++)
        {
            dims[axes[i]] = Plus(dims[axes[i]], pads[i] + pads[i + axes.Length]);
        }

        c.Set(c.In(0).Type, new TensorShape(dims));
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
            c.SetElements(c.Node.Inputs.SelectMany(input => input!.Elements!.Value));
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
}
