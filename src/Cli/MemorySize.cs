using System.Globalization;

namespace EoOnnx.Cli;

/// <summary>Amounts of memory as people write them.</summary>
internal static class MemorySize
{
    private static readonly (string Unit, long Bytes)[] Units =
        [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("TB", 1L << 40), ("GB", 1L << 30), ("MB", 1L << 20), ("T", 1L << 40), ("G", 1L << 30), ("M", 1L << 20), ("", 1)];

    /// <summary>Reads <c>2GB</c>, <c>1.5G</c> or <c>512 MB</c>; all units are powers of two, as memory is counted.</summary>
    /// <exception cref="ArgumentException">The text is no amount.</exception>
    public static long Parse(string text)
    {
        var (unit, bytes) = Units.First(unit => text.TrimEnd().EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase));
        var number = text.AsSpan().TrimEnd()[..^unit.Length].TrimEnd();
        return decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count is > 0 and < 1_000_000_000_000m && count * bytes < long.MaxValue
            ? (long)(count * bytes)
            : throw new ArgumentException($"'{text}' is no amount of memory; expected for example 2GB or 512MB.");
    }
}
