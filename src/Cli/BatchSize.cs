using System.Globalization;

namespace EoOnnx.Cli;

/// <summary>What <c>--batch</c> says.</summary>
/// <param name="Tiles">Tiles a model call; null lets the program measure.</param>
internal readonly record struct BatchSize(int? Tiles)
{
    /// <summary>Reads a number, or <c>auto</c>.</summary>
    /// <exception cref="ArgumentException">The text is neither.</exception>
    public static BatchSize Parse(string text) => text.Equals("auto", StringComparison.OrdinalIgnoreCase) ? new BatchSize(null)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var tiles) ? new BatchSize(tiles)
        : throw new ArgumentException($"'{text}' is no number of tiles; expected one from 1 to 1024, or auto.");
}
