using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>Makes a dense tensor of a view into a storage: offset, extents and strides in elements.</summary>
internal static class StridedTensor
{
    private const long SmallestExpansion = 16L << 20;

    /// <summary>
    /// The tensor. A contiguous little-endian view of mapped bytes is a slice; anything else is gathered each time it is read.
    /// </summary>
    /// <param name="bytes">The block.</param>
    /// <param name="storage">The storage in it.</param>
    /// <param name="type">Element type of the tensor: the storage's own, or any for an untyped storage.</param>
    /// <param name="offset">First element.</param>
    /// <param name="shape">Extents.</param>
    /// <param name="strides">Elements from one index to the next, for each axis; 0 repeats.</param>
    /// <param name="isBigEndian">Swaps the bytes of each element.</param>
    /// <exception cref="FileFormatException">The view leaves the storage, or the storage leaves the block.</exception>
    public static TensorData Create(
        StorageBytes bytes, StorageReference storage, ElementType type, long offset, long[] shape, long[] strides, bool isBigEndian)
    {
        var size = type.SizeInBytes();
        var start = storage.StartByte;
        var storageBytes = storage.Count * storage.ElementSize;
        if (storageBytes > bytes.Length - start)
        {
            throw new FileFormatException($"the storage '{storage.Key}' of {storage.Count} elements needs {start + storageBytes} bytes; the file has {bytes.Length} for it. The file is truncated or damaged.");
        }

        var count = TensorData.CountOf(shape);
        var description = $"a tensor of shape [{string.Join(", ", shape)}], strides [{string.Join(", ", strides)}] and offset {offset}";
        if (offset < 0 || strides.Length != shape.Length || strides.Any(stride => stride < 0))
        {
            throw new FileFormatException($"{description} is malformed; expected one stride for each axis and nothing negative.");
        }

        if (count == 0)
        {
            return TensorData.FromBytes(type, shape, ReadOnlyMemory<byte>.Empty);
        }

        var last = (Int128)offset;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            last += (Int128)(shape[axis] - 1) * strides[axis];
        }

        if ((last + 1) * size > storageBytes)
        {
            throw new FileFormatException($"{description} reaches element {last}; its storage '{storage.Key}' has {storageBytes / size}. The file is damaged.");
        }

        var span = (((long)last - offset) + 1) * size;
        if (span > int.MaxValue || count * size > int.MaxValue)
        {
            throw new FileFormatException($"{description} spans {span} bytes; a single tensor may have {int.MaxValue}.");
        }

        if (count * size > Math.Max(span, SmallestExpansion))
        {
            throw new FileFormatException($"{description} repeats {span} bytes to {count * size}; up to {SmallestExpansion} are unfolded. Save it with .contiguous().");
        }

        var first = start + (offset * size);
        var swapped = isBigEndian && size > 1;
        return bytes.IsMapped && !swapped && IsContiguous(shape, strides)
            ? TensorData.FromBytes(type, shape, bytes.Slice(first, span))
            : TensorData.Deferred(type, shape, target => Gather(bytes.Slice(first, span).Span, target.Span, size, shape, strides, swapped));
    }

    private static bool IsContiguous(long[] shape, long[] strides)
    {
        long expected = 1;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (shape[axis] != 1 && strides[axis] != expected)
            {
                return false;
            }

            expected *= shape[axis];
        }

        return true;
    }

    private static void Gather(ReadOnlySpan<byte> source, Span<byte> target, int size, long[] shape, long[] strides, bool swapped)
    {
        switch (size)
        {
            case 1: Gather(source, target, shape, strides); break;
            case 2: Gather(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<byte, ushort>(target), shape, strides); break;
            case 4: Gather(MemoryMarshal.Cast<byte, uint>(source), MemoryMarshal.Cast<byte, uint>(target), shape, strides); break;
            default: Gather(MemoryMarshal.Cast<byte, ulong>(source), MemoryMarshal.Cast<byte, ulong>(target), shape, strides); break;
        }

        if (swapped)
        {
            Swap(target, size);
        }
    }

    private static void Gather<T>(ReadOnlySpan<T> source, Span<T> target, long[] shape, long[] strides)
    {
        var index = new long[shape.Length];
        long from = 0;
        for (var to = 0; to < target.Length; to++)
        {
            target[to] = source[(int)from];
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                from += strides[axis];
                if (++index[axis] < shape[axis])
                {
                    break;
                }

                from -= shape[axis] * strides[axis];
                index[axis] = 0;
            }
        }
    }

    private static void Swap(Span<byte> target, int size)
    {
        switch (size)
        {
            case 2: BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, ushort>(target), MemoryMarshal.Cast<byte, ushort>(target)); break;
            case 4: BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, uint>(target), MemoryMarshal.Cast<byte, uint>(target)); break;
            default: BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, ulong>(target), MemoryMarshal.Cast<byte, ulong>(target)); break;
        }
    }
}
