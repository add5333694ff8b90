using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EoOnnx.Formats;

/// <summary>
/// An immutable dense tensor: element type, shape and row-major little-endian bytes. The bytes may lie on the managed
/// heap, in a memory-mapped file (<see cref="MappedFile"/>) or be produced on demand; a tensor never copies them by itself.
/// </summary>
public sealed class TensorData
{
    private readonly Func<ReadOnlyMemory<byte>> _bytes;
    private readonly Action<Memory<byte>>? _fill;

    private TensorData(ElementType type, ImmutableArray<long> shape, Func<ReadOnlyMemory<byte>> bytes, Action<Memory<byte>>? fill = null)
    {
        Type = type;
        Shape = shape;
        Count = CountOf(shape);
        ByteLength = checked(Count * type.SizeInBytes());
        _bytes = bytes;
        _fill = fill;
    }

    /// <summary>Type of the elements.</summary>
    public ElementType Type { get; }

    /// <summary>Extent of each axis; empty for a scalar.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Number of bytes, at most <see cref="int.MaxValue"/>.</summary>
    public long ByteLength { get; }

    /// <summary>The bytes, row-major and little-endian. Deferred tensors produce them anew at every call.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes();

    /// <summary>Wraps bytes without copying; the caller must not change them afterwards.</summary>
    /// <exception cref="FileFormatException">A negative extent, or a length that is not the product of the shape.</exception>
    public static TensorData FromBytes(ElementType type, ReadOnlySpan<long> shape, ReadOnlyMemory<byte> bytes)
    {
        var tensor = new TensorData(type, [.. shape], () => bytes);
        return tensor.ByteLength == bytes.Length
            ? tensor
            : throw new FileFormatException(
                $"A {type} tensor of shape [{string.Join(", ", tensor.Shape)}] needs {tensor.ByteLength} bytes; found {bytes.Length}.");
    }

    /// <summary>Copies <paramref name="values"/> into a tensor of the given shape.</summary>
    /// <exception cref="FileFormatException">The number of values is not the product of the shape.</exception>
    public static TensorData FromValues<T>(ReadOnlySpan<long> shape, ReadOnlySpan<T> values) where T : unmanaged =>
        FromBytes(ElementTypes.Of<T>(), shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>A tensor without axes.</summary>
    public static TensorData Scalar<T>(T value) where T : unmanaged => FromValues<T>([], [value]);

    /// <summary>A tensor whose bytes are made by <paramref name="fill"/>, which must write every one, each time they are asked for, so that large
    /// random or converted weights exist one at a time while a file is written.</summary>
    public static TensorData Deferred(ElementType type, ReadOnlySpan<long> shape, Action<Memory<byte>> fill)
    {
        var length = checked((int)(CountOf(shape) * type.SizeInBytes()));
        return new TensorData(type, [.. shape], () =>
        {
            var bytes = GC.AllocateUninitializedArray<byte>(length);
            fill(bytes);
            return bytes;
        }, fill);
    }

    /// <summary>Passes the bytes to <paramref name="use"/>, which must not keep them: those of a deferred tensor lie in a buffer that
    /// serves the next one, so that writing a model does not allocate it anew.</summary>
    public void Use(Action<ReadOnlyMemory<byte>> use)
    {
        if (_fill is null)
        {
            use(Bytes);
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)ByteLength);
        try
        {
            _fill(buffer.AsMemory(0, (int)ByteLength));
            use(buffer.AsMemory(0, (int)ByteLength));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The elements as <typeparamref name="T"/>, without conversion or copy (little-endian machines only).</summary>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> is not this tensor's element type.</exception>
    public ReadOnlySpan<T> AsSpan<T>() where T : unmanaged => ElementTypes.Of<T>() == Type
        ? MemoryMarshal.Cast<byte, T>(Bytes.Span)
        : throw new InvalidOperationException($"The tensor holds {Type}; it cannot be read as {typeof(T).Name}.");

    /// <summary>The elements converted to single precision, in a new array. Every numeric type can be read.</summary>
    public float[] ToSingles()
    {
        var result = new float[Count];
        switch (Type)
        {
            case ElementType.Float: AsSpan<float>().CopyTo(result); break;
            case ElementType.Double: Convert(AsSpan<double>(), result, static v => (float)v); break;
            case ElementType.Float16: Convert(AsSpan<Half>(), result, static v => (float)v); break;
            case ElementType.BFloat16: Convert(MemoryMarshal.Cast<byte, ushort>(Bytes.Span), result, static v => BitConverter.UInt32BitsToSingle((uint)v << 16)); break;
            case ElementType.Int64: Convert(AsSpan<long>(), result, static v => v); break;
            case ElementType.Int32: Convert(AsSpan<int>(), result, static v => v); break;
            case ElementType.Int16: Convert(AsSpan<short>(), result, static v => v); break;
            case ElementType.Int8: Convert(AsSpan<sbyte>(), result, static v => v); break;
            case ElementType.UInt64: Convert(AsSpan<ulong>(), result, static v => v); break;
            case ElementType.UInt32: Convert(AsSpan<uint>(), result, static v => v); break;
            case ElementType.UInt16: Convert(AsSpan<ushort>(), result, static v => v); break;
            case ElementType.UInt8: Convert(AsSpan<byte>(), result, static v => v); break;
            case ElementType.Bool: Convert(AsSpan<byte>(), result, static v => v == 0 ? 0 : 1); break;
            default: throw new FileFormatException($"Element type {Type} cannot be converted to single precision.");
        }

        return result;
    }

    /// <summary>The same bytes under another shape of equal size.</summary>
    /// <exception cref="FileFormatException">The sizes differ.</exception>
    public TensorData Reshape(params ReadOnlySpan<long> shape)
    {
        var reshaped = new TensorData(Type, [.. shape], _bytes, _fill);
        return reshaped.Count == Count
            ? reshaped
            : throw new FileFormatException($"Cannot view [{string.Join(", ", Shape)}] as [{string.Join(", ", reshaped.Shape)}].");
    }

    /// <summary>A matrix with its axes swapped. The bytes are made each time they are asked for, as in <see cref="Deferred"/>.</summary>
    /// <exception cref="InvalidOperationException">It is not a matrix of single precision.</exception>
    public TensorData Transposed()
    {
        if (Shape.Length != 2 || Type != ElementType.Float)
        {
            throw new InvalidOperationException($"Only a matrix of single precision is transposed; this is {Type} [{string.Join(", ", Shape)}].");
        }

        var (rows, columns) = ((int)Shape[0], (int)Shape[1]);
        return Deferred(Type, [columns, rows], bytes => Transpose(Bytes, bytes, rows, columns));
    }

    /// <summary>Product of the extents, overflow-checked.</summary>
    /// <exception cref="FileFormatException">An extent is negative or the product is not addressable.</exception>
    public static long CountOf(params ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (var extent in shape)
        {
            if (extent < 0)
            {
                throw new FileFormatException($"Shape [{string.Join(", ", shape.ToArray())}] has the negative extent {extent}.");
            }

            if (extent != 0 && count > int.MaxValue / extent)
            {
                throw new FileFormatException($"Shape [{string.Join(", ", shape.ToArray())}] has more elements than the {int.MaxValue} a tensor may have.");
            }

            count *= extent;
        }

        return count;
    }

    private static long CountOf(ImmutableArray<long> shape) => CountOf(shape.AsSpan());

    // In blocks that fit the first-level cache: row after row would miss it at every write. Strips of blocks on all processors.
    private static void Transpose(ReadOnlyMemory<byte> source, Memory<byte> destination, int rows, int columns)
    {
        const int block = 32;
        Parallel.For(0, (rows + block - 1) / block, strip => TransposeRows(
            MemoryMarshal.Cast<byte, float>(source.Span), MemoryMarshal.Cast<byte, float>(destination.Span), rows, columns, strip * block, Math.Min(rows, (strip + 1) * block), block));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeRows(ReadOnlySpan<float> source, Span<float> destination, int rows, int columns, int top, int bottom, int block)
    {
        for (var left = 0; left < columns; left += block)
        {
            var right = Math.Min(columns, left + block);
            for (var column = left; column < right; column++)
            {
                for (var row = top; row < bottom; row++)
                {
                    destination[(column * rows) + row] = source[(row * columns) + column];
                }
            }
        }
    }

    private static void Convert<T>(ReadOnlySpan<T> source, Span<float> destination, Func<T, float> convert)
    {
        for (var i = 0; i < source.Length; i++)
        {
            destination[i] = convert(source[i]);
        }
    }
}
