using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>The values that a map of whole numbers can hold.</summary>
public readonly record struct ValueRange
{
    /// <summary>A range.</summary>
    /// <param name="low">The smallest value.</param>
    /// <param name="high">The largest value.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not finite, or the smallest is not below the largest.</exception>
    public ValueRange(double low, double high) => (Low, High) = double.IsFinite(low) && double.IsFinite(high) && low < high ? (low, high)
        : throw new ArgumentOutOfRangeException(nameof(low), low, string.Create(CultureInfo.InvariantCulture, $"A range of values needs two finite numbers, the smaller first; found {low:R} and {high:R}."));

    /// <summary>The smallest value.</summary>
    public double Low { get; }

    /// <summary>The largest value.</summary>
    public double High { get; }

    /// <summary>Reads <c>low,high</c>, as <see cref="ToString"/> writes it.</summary>
    /// <exception cref="ArgumentException">The text is no such range.</exception>
    public static ValueRange Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split(',') is [var low, var high] && double.TryParse(low, NumberStyles.Float, CultureInfo.InvariantCulture, out var first) && double.TryParse(high, NumberStyles.Float, CultureInfo.InvariantCulture, out var last)
            ? new ValueRange(first, last) : throw new ArgumentException($"'{text}' is no range of values; expected two numbers such as 0,100.");
    }

    /// <summary><c>low,high</c>, exactly.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Low:R},{High:R}");
}
