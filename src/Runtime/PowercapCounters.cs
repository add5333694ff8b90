using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>
/// The energy counters of the processors (RAPL), as Linux shows them under <c>/sys/class/powercap</c>: one zone a package, whose parts (cores, memory
/// controller) it includes. Counters begin again at their range, so they are added up in steps shorter than that.
/// </summary>
internal sealed class PowercapCounters
{
    private readonly (string Counter, double Range)[] _zones;
    private readonly double[] _last;
    private double _microjoules;

    private PowercapCounters((string Counter, double Range)[] zones, double[] last) => (_zones, _last) = (zones, last);

    /// <summary>The counters of all packages, from now on; null where there are none or one of them cannot be read: a part of the machine says little.</summary>
    /// <param name="folder">Where the zones are.</param>
    public static PowercapCounters? Find(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return null;
        }

        // intel-rapl:0 is a package, intel-rapl:0:0 a part of it; "psys" is the whole machine, packages included. AMD's packages have the same names.
        var zones = Directory.GetDirectories(folder, "intel-rapl:*").Where(zone => Path.GetFileName(zone).Count(letter => letter == ':') == 1 && IsPackage(zone))
            .Order(StringComparer.Ordinal).Select(zone => (Counter: Path.Combine(zone, "energy_uj"), Range: Read(Path.Combine(zone, "max_energy_range_uj")) ?? 0)).ToArray();
        var first = zones.Select(zone => Read(zone.Counter)).ToArray();
        return zones.Length == 0 || first.Contains(null) ? null : new PowercapCounters(zones, [.. first.OfType<double>()]);
    }

    /// <summary>Joules of all packages since the beginning; null when a counter cannot be read any more.</summary>
    public double? Joules()
    {
        for (var i = 0; i < _zones.Length; i++)
        {
            if (Read(_zones[i].Counter) is not { } now)
            {
                return null;
            }

            _microjoules += now >= _last[i] ? now - _last[i] : now + _zones[i].Range - _last[i];
            _last[i] = now;
        }

        return _microjoules / 1e6;
    }

    private static bool IsPackage(string zone) => Path.Combine(zone, "name") is var name && File.Exists(name) && File.ReadAllText(name).StartsWith("package", StringComparison.Ordinal);

    // Most systems let only the administrator read the counter; the report then says that it estimates.
    private static double? Read(string path)
    {
        try
        {
            return File.Exists(path) && double.TryParse(File.ReadAllText(path), NumberStyles.Integer | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var value) ? value : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
