using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace EoOnnx.Onnx;

/// <summary>The extents of a tensor's axes, each a number, a symbol or unknown. Immutable, compared by content.</summary>
[CollectionBuilder(typeof(TensorShape), nameof(Create))]
public sealed class TensorShape : IReadOnlyList<Dim>, IEquatable<TensorShape>
{
    private readonly ImmutableArray<Dim> _dims;

    /// <summary>A shape of the given extents; none for a scalar.</summary>
    public TensorShape(params IEnumerable<Dim> dims) => _dims = [.. dims];

    /// <summary>The shape of a scalar.</summary>
    public static TensorShape Scalar { get; } = new();

    /// <summary>Number of axes.</summary>
    public int Count => _dims.Length;

    /// <summary>Number of axes.</summary>
    public int Rank => _dims.Length;

    /// <summary>True when every extent is a number.</summary>
    public bool IsStatic => _dims.All(dim => dim.Value is not null);

    /// <summary>Extent of an axis; negative axes count from the end.</summary>
    public Dim this[int axis] => _dims[axis < 0 ? axis + _dims.Length : axis];

    /// <summary>A shape from numbers.</summary>
    public static TensorShape Of(params ReadOnlySpan<long> extents)
    {
        var dims = new Dim[extents.Length];
        for (var i = 0; i < dims.Length; i++)
        {
            dims[i] = extents[i];
        }

        return new TensorShape(dims);
    }

    /// <summary>Used by collection expressions.</summary>
    public static TensorShape Create(ReadOnlySpan<Dim> dims) => new(dims.ToArray());

    /// <summary>The extents as numbers.</summary>
    /// <exception cref="OnnxGraphException">An extent is a symbol or unknown.</exception>
    public long[] ToInt64s() => IsStatic
        ? [.. _dims.Select(dim => dim.Value!.Value)]
        : throw new OnnxGraphException($"The shape {this} is not fixed; a fixed one is needed here.");

    /// <summary>Product of the extents when all are numbers, else null.</summary>
    public long? ElementCount => IsStatic ? _dims.Aggregate(1L, (product, dim) => checked(product * dim.Value!.Value)) : null;

    /// <summary>The shape with one axis replaced; negative axes count from the end.</summary>
    public TensorShape With(int axis, Dim dim) => new(_dims.SetItem(axis < 0 ? axis + _dims.Length : axis, dim));

    /// <inheritdoc/>
    public IEnumerator<Dim> GetEnumerator() => ((IEnumerable<Dim>)_dims).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(TensorShape? other) => other is not null && _dims.SequenceEqual(other._dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TensorShape);

    /// <inheritdoc/>
    public override int GetHashCode() => _dims.Aggregate(17, HashCode.Combine);

    /// <summary>For example <c>[batch, 197, 768]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", _dims)}]";
}
