using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace EoOnnx.Runtime;

/// <summary>
/// A part of a list for one of several machines that need not talk to each other. A scene belongs to a part by the hash of its name
/// (XxHash64), so it stays there when others are added or removed.
/// </summary>
public readonly record struct Shard
{
    private Shard(int number, int count) => (Number, Count) = (number, count);

    /// <summary>The whole list.</summary>
    public static Shard Whole { get; } = new(1, 1);

    /// <summary>Which part, from 1.</summary>
    public int Number { get; }

    /// <summary>How many parts there are.</summary>
    public int Count { get; }

    /// <summary>Reads <c>2/8</c>.</summary>
    /// <exception cref="ArgumentException">The text is no part, or its number is not 1 to the count.</exception>
    public static Shard Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split('/') is [var first, var second]
            && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && number >= 1 && number <= count
            ? new Shard(number, count)
            : throw new ArgumentException($"'{text}' is no shard; expected i/n with i from 1 to n, such as 2/8.");
    }

    /// <summary>True when the scene of this name belongs to this part: exactly one part of all holds it.</summary>
    public bool Holds(string name) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(name)) % (ulong)Count == (ulong)(Number - 1);

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Count}");
}
