namespace EoOnnx.Training.Data;

/// <summary>
/// Random numbers that depend only on a key, such as (seed, epoch, sample): the same on every machine, whatever the number of worker threads
/// and whatever was drawn for other samples.
/// </summary>
/// <remarks>SplitMix64 (Steele, Lea, Flood 2014), started at a mixed key.</remarks>
internal struct KeyedRandom
{
    private ulong _state;

    public KeyedRandom(long seed, params ReadOnlySpan<long> key)
    {
        _state = Mix((ulong)seed + 0x9E3779B97F4A7C15);
        foreach (var part in key)
        {
            _state = Mix((_state + 0x9E3779B97F4A7C15) * 0xD1342543DE82EF95 + (ulong)part);
        }
    }

    /// <summary>A stable 64-bit number for a text, to be used as part of a key (FNV-1a over UTF-16 units).</summary>
    public static long KeyOf(string text)
    {
        var hash = 14695981039346656037;
        foreach (var unit in text)
        {
            hash = (hash ^ unit) * 1099511628211;
        }

        return (long)hash;
    }

    /// <summary>The next 64 random bits.</summary>
    public ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15;
        return Mix(_state);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0 … <paramref name="count"/> − 1.</summary>
    public int Next(int count) => (int)(((UInt128)NextBits() * (UInt128)count) >> 64);

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
