using EoOnnx.Formats;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>Numbers in double precision with their extents, row-major; what the operators here are written with.</summary>
internal sealed class ReferenceTensor(long[] shape, double[] values)
{
    public ReferenceTensor(params long[] shape) : this(shape, new double[TensorData.CountOf(shape)])
    {
    }

    public long[] Shape { get; } = shape;

    public double[] Values { get; } = values;

    public double this[params ReadOnlySpan<long> index]
    {
        get => Values[Offset(index)];
        set => Values[Offset(index)] = value;
    }

    /// <summary>Every index of a shape, in row-major order.</summary>
    public static IEnumerable<long[]> Indices(IReadOnlyList<long> shape)
    {
        for (var position = 0L; position < shape.Aggregate(1L, (product, extent) => product * extent); position++)
        {
            var (index, rest) = (new long[shape.Count], position);
            for (var axis = shape.Count - 1; axis >= 0; axis--)
            {
                (rest, index[axis]) = Math.DivRem(rest, shape[axis]);
            }

            yield return index;
        }
    }

    /// <summary>A tensor whose element at an index is computed from the index.</summary>
    public static ReferenceTensor Of(long[] shape, Func<long[], double> element) => new(shape, [.. Indices(shape).Select(element)]);

    /// <summary>The element that broadcasting puts at an index of a larger shape (ONNX multidirectional broadcasting).</summary>
    public double Broadcast(long[] index)
    {
        var offset = 0L;
        for (var axis = 0; axis < Shape.Length; axis++)
        {
            offset = (offset * Shape[axis]) + (Shape[axis] == 1 ? 0 : index[index.Length - Shape.Length + axis]);
        }

        return Values[offset];
    }

    private long Offset(ReadOnlySpan<long> index)
    {
        Assert.Equal(Shape.Length, index.Length);
        var offset = 0L;
        for (var axis = 0; axis < index.Length; axis++)
        {
            Assert.InRange(index[axis], 0, Shape[axis] - 1);
            offset = (offset * Shape[axis]) + index[axis];
        }

        return offset;
    }
}
