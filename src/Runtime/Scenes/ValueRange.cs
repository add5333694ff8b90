using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>The values that a map of whole numbers can hold.</summary>
public readonly record struct ValueRange
{
    /// <summary>A range.</summary>
    /// <param name="low">The smallest value.</param>
    /// <param name="high">The largest value.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not finite, or the smallest is not below the largest.</exception>
    [System.Text.Json.Serialization.JsonConstructor]
    public ValueRange(double low, double high) => (Low, High) = double.IsFinite(low) && double.IsFinite(high) && low < high ? (low, high)
        : throw new ArgumentOutOfRangeException(nameof(low), low, string.Create(CultureInfo.InvariantCulture, $"A range of values needs two finite numbers, the smaller first; found {low:R} and {high:R}."));

    /// <summary>The smallest value.</summary>
    public double Low { get; }

    /// <summary>The largest value.</summary>
    public double High { get; }
}
