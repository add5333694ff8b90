using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Extents as tensors. A backward graph that asks a forward value for its shape would keep that value in memory until
/// then; extents that carry a symbol are read from a graph input instead, which lives anyway.</summary>
internal static class DynamicShapes
{
    /// <summary>The extents of a value, constant where possible.</summary>
    public static Value Of(GraphBuilder op, Value value)
    {
        if (value.Shape is not { } shape)
        {
            return op.Shape(value);
        }

        if (shape.IsStatic)
        {
            return op.Int64s(shape.ToInt64s());
        }

        var parts = shape.Select(dim => Extent(op, dim)).ToList();
        return parts.Any(part => part is null) ? op.Shape(value)
            : parts.Count == 1 ? parts[0]!
            : op.Concat(0, [.. parts.Select(part => part!)]);
    }

    /// <summary>A shape to reshape to: as <see cref="Of"/>, but one extent that is not fixed is left to the operator.</summary>
    public static Value ForReshape(GraphBuilder op, Value like) =>
        like.Shape is { } shape && shape.Count(dim => dim.Value is null) <= 1
            ? op.Int64s([.. shape.Select(dim => dim.Value ?? -1)])
            : Of(op, like);

    private static Value? Extent(GraphBuilder op, Dim dim)
    {
        if (dim.Value is { } number)
        {
            return op.Int64s(number);
        }

        if (dim.Symbol is null)
        {
            return null;
        }

        foreach (var input in op.Graph.Inputs.Where(input => input.Data is null && input.Shape is not null))
        {
            for (var axis = 0; axis < input.Rank; axis++)
            {
                if (input.KnownShape[axis] == dim)
                {
                    return op.Node("Shape", [input], ("start", (long)axis), ("end", axis + 1L));
                }
            }
        }

        return null;
    }
}
