using System.Globalization;

namespace EoOnnx.Onnx;

/// <summary>The extent of one axis: a number, a symbol such as <c>batch</c>, or unknown (the default).</summary>
public readonly record struct Dim
{
    private Dim(long? value, string? symbol) => (Value, Symbol) = (value, symbol);

    /// <summary>An extent about which nothing is known.</summary>
    public static Dim Unknown => default;

    /// <summary>The extent, when it is a number.</summary>
    public long? Value { get; }

    /// <summary>The symbol, when it is one; equal symbols stand for equal extents.</summary>
    public string? Symbol { get; }

    /// <summary>True when nothing is known.</summary>
    public bool IsUnknown => Value is null && Symbol is null;

    /// <summary>A numeric extent.</summary>
    public static implicit operator Dim(long value) => new(value, null);

    /// <summary>A symbolic extent.</summary>
    public static implicit operator Dim(string symbol) => new(null, symbol);

    /// <summary>A numeric extent.</summary>
    public static Dim FromInt64(long value) => value;

    /// <summary>A symbolic extent.</summary>
    public static Dim FromString(string symbol) => symbol;

    /// <summary>True when both are known and cannot be the same number.</summary>
    public bool Contradicts(Dim other) => Value is { } a && other.Value is { } b && a != b;

    /// <summary>The number, the symbol or <c>?</c>.</summary>
    public override string ToString() => Value?.ToString(CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}
