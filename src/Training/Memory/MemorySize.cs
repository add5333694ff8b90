using System.Globalization;

namespace EoOnnx.Training.Memory;

/// <summary>An amount of memory, as people write it.</summary>
/// <param name="Bytes">Bytes.</param>
public readonly record struct MemorySize(long Bytes)
{
    private static readonly (string Unit, long Bytes)[] Units =
        [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("TB", 1L << 40), ("GB", 1L << 30), ("MB", 1L << 20), ("T", 1L << 40), ("G", 1L << 30), ("M", 1L << 20), ("", 1)];

    /// <summary>Reads <c>2GB</c>, <c>1.5G</c> or <c>512 MB</c>; all units are powers of two, as memory is counted.</summary>
    /// <exception cref="ArgumentException">The text is no amount.</exception>
    public static MemorySize Parse(string text)
    {
        var (unit, bytes) = Units.First(unit => text.TrimEnd().EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase));
        var number = text.AsSpan().TrimEnd()[..^unit.Length].TrimEnd();
        return decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count is > 0 and < 1_000_000_000_000m && count * bytes < long.MaxValue
            ? new MemorySize((long)(count * bytes))
            : throw new ArgumentException($"'{text}' is no amount of memory; expected for example 2GB or 512MB.");
    }

    /// <summary>For example <c>1650 MB</c>, in units of two to the twentieth.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Bytes / (double)(1 << 20):F0} MB");
}
