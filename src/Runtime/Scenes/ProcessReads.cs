using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>What this process has asked the system to read so far, whatever for.</summary>
/// <param name="Bytes">Bytes of files; what comes over the network is not among them.</param>
/// <param name="Calls">Calls that read.</param>
internal readonly record struct ProcessReads(long Bytes, long Calls)
{
    private const string Counters = "/proc/self/io";

    /// <summary>The counts now; null where the system does not count or, hardened, does not tell.</summary>
    public static ProcessReads? Now()
    {
        try
        {
            var lines = File.Exists(Counters) ? File.ReadAllLines(Counters) : [];
            return Find("rchar: ") is { } bytes && Find("syscr: ") is { } calls ? new ProcessReads(bytes, calls) : null;

            long? Find(string key) => lines.FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) is { } line && long.TryParse(line.AsSpan(key.Length), CultureInfo.InvariantCulture, out var number) ? number : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
