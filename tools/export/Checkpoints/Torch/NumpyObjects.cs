using System.Buffers.Binary;
using System.Numerics;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>NumPy's numbers and arrays in a pickle, as numbers and tensors. Types that are no plain numbers stay records.</summary>
/// <remarks>Source: <c>ndarray.__reduce__</c> and <c>dtype.__reduce__</c>: the state of an array is (version, shape, dtype, column-major?,
/// bytes), that of a dtype is (version, byte order, …).</remarks>
internal static class NumpyObjects
{
    private static readonly Dictionary<string, ElementType> Types = new(StringComparer.Ordinal)
    {
        ["f2"] = ElementType.Float16, ["f4"] = ElementType.Float, ["f8"] = ElementType.Double, ["i1"] = ElementType.Int8, ["i2"] = ElementType.Int16,
        ["i4"] = ElementType.Int32, ["i8"] = ElementType.Int64, ["u1"] = ElementType.UInt8, ["u2"] = ElementType.UInt16, ["u4"] = ElementType.UInt32,
        ["u8"] = ElementType.UInt64, ["b1"] = ElementType.Bool,
    };

    /// <summary>Bytes that protocol 2 writes as text, one character a byte; null when the arguments are others.</summary>
    public static PickleValue? Latin1(IReadOnlyList<PickleValue> arguments)
    {
        if (arguments is not [PickleText { Value: var text }, PickleText { Value: "latin1" or "latin-1" }] || text.Any(letter => letter > 0xFF))
        {
            return null;
        }

        return new PickleBytes(Array.ConvertAll(text.ToCharArray(), letter => (byte)letter));
    }

    /// <summary>A single number, or null when its type is none.</summary>
    public static PickleValue? Scalar(IReadOnlyList<PickleValue> arguments)
    {
        if (arguments is not [var dtype, PickleBytes { Value: var bytes }] || TypeOf(dtype) is not var (type, isBigEndian) || bytes.Length != type.SizeInBytes())
        {
            return null;
        }

        var number = bytes.ToArray();
        if (isBigEndian)
        {
            Array.Reverse(number);
        }

        return type switch
        {
            ElementType.Bool => number[0] == 0 ? PickleBoolean.False : PickleBoolean.True,
            ElementType.Float16 => new PickleNumber((double)BinaryPrimitives.ReadHalfLittleEndian(number)),
            ElementType.Float => new PickleNumber(BinaryPrimitives.ReadSingleLittleEndian(number)),
            ElementType.Double => new PickleNumber(BinaryPrimitives.ReadDoubleLittleEndian(number)),
            ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64 => new PickleInteger(new BigInteger(number, isUnsigned: true)),
            _ => new PickleInteger(new BigInteger(number)),
        };
    }

    /// <summary>An array, or null when its elements are no plain numbers.</summary>
    /// <exception cref="FileFormatException">Its bytes are fewer than its shape needs.</exception>
    public static PickleValue? ArrayOf(PickleValue? state)
    {
        if (state?.Items is not [_, PickleSequence { Items: var extents }, var dtype, PickleBoolean { Value: var isColumnMajor }, PickleBytes { Value: var bytes }]
            || TypeOf(dtype) is not var (type, isBigEndian) || extents.Any(extent => extent.Integer is not >= 0))
        {
            return null;
        }

        long[] shape = [.. extents.Select(extent => extent.Integer!.Value)];
        var strides = new long[shape.Length];
        var count = TensorData.CountOf(shape);
        long stride = 1;
        foreach (var axis in isColumnMajor ? Enumerable.Range(0, shape.Length) : Enumerable.Range(0, shape.Length).Reverse())
        {
            strides[axis] = stride;
            stride *= Math.Max(shape[axis], 1);
        }

        var block = new StorageBytes(bytes.Length, (offset, length) => bytes.Slice((int)offset, (int)length));
        return new PickleTensor(StridedTensor.Create(block, new StorageReference("array", type, "ndarray", count, 0), type, 0, shape, strides, isBigEndian));
    }

    private static (ElementType Type, bool IsBigEndian)? TypeOf(PickleValue dtype) =>
        dtype is PickleRecord { Module: "numpy", Name: "dtype", IsReference: false } record && record.Arguments is [PickleText { Value: var name }, ..]
            && Types.TryGetValue(name, out var type)
            ? (type, record.State?.Items is [_, PickleText { Value: ">" }, ..])
            : null;
}
