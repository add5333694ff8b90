namespace EoOnnx.Formats;

/// <summary>The type of a tensor's elements. Values are the numbers of ONNX <c>TensorProto.DataType</c>.</summary>
public enum ElementType
{
    /// <summary>Not known.</summary>
    Undefined = 0,

    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    Float = 1,

    /// <summary>Unsigned integer, 1 byte.</summary>
    UInt8 = 2,

    /// <summary>Signed integer, 1 byte.</summary>
    Int8 = 3,

    /// <summary>Unsigned integer, 2 bytes.</summary>
    UInt16 = 4,

    /// <summary>Signed integer, 2 bytes.</summary>
    Int16 = 5,

    /// <summary>Signed integer, 4 bytes.</summary>
    Int32 = 6,

    /// <summary>Signed integer, 8 bytes.</summary>
    Int64 = 7,

    /// <summary>UTF-8 text; has no fixed size and is not supported as weights.</summary>
    String = 8,

    /// <summary>Boolean, 1 byte.</summary>
    Bool = 9,

    /// <summary>IEEE 754 half precision, 2 bytes.</summary>
    Float16 = 10,

    /// <summary>IEEE 754 double precision, 8 bytes.</summary>
    Double = 11,

    /// <summary>Unsigned integer, 4 bytes.</summary>
    UInt32 = 12,

    /// <summary>Unsigned integer, 8 bytes.</summary>
    UInt64 = 13,

    /// <summary>The upper half of a single, 2 bytes.</summary>
    BFloat16 = 16,

    /// <summary>8-bit float, 4 exponent bits, 3 mantissa bits, finite only (ONNX FLOAT8E4M3FN).</summary>
    Float8E4M3 = 17,

    /// <summary>8-bit float, 5 exponent bits, 2 mantissa bits (ONNX FLOAT8E5M2).</summary>
    Float8E5M2 = 19,
}

/// <summary>Sizes and .NET types of <see cref="ElementType"/>.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element.</summary>
    /// <exception cref="FileFormatException">The type has no fixed size.</exception>
    public static int SizeInBytes(this ElementType type) => type switch
    {
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool or ElementType.Float8E4M3 or ElementType.Float8E5M2 => 1,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 => 8,
        _ => throw new FileFormatException($"Element type {type} has no fixed size; expected a numeric or boolean type."),
    };

    /// <summary>True for the types that can carry a gradient.</summary>
    public static bool IsFloatingPoint(this ElementType type) => type is ElementType.Float or ElementType.Double
        or ElementType.Float16 or ElementType.BFloat16 or ElementType.Float8E4M3 or ElementType.Float8E5M2;

    /// <summary>The element type that holds values of <typeparamref name="T"/>.</summary>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is not an element type.</exception>
    public static ElementType Of<T>() where T : unmanaged => default(T) switch
    {
        float => ElementType.Float,
        double => ElementType.Double,
        long => ElementType.Int64,
        int => ElementType.Int32,
        bool => ElementType.Bool,
        byte => ElementType.UInt8,
        sbyte => ElementType.Int8,
        short => ElementType.Int16,
        ushort => ElementType.UInt16,
        uint => ElementType.UInt32,
        ulong => ElementType.UInt64,
        Half => ElementType.Float16,
        _ => throw new NotSupportedException($"{typeof(T)} is not a tensor element type."),
    };
}
