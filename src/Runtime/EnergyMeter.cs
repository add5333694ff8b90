using System.Diagnostics;
using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>Energy of the processor.</summary>
/// <param name="Joules">How much.</param>
/// <param name="IsMeasured">True when the processor's own counter (RAPL) gave it, for all that ran on the machine meanwhile; false when it is an estimate:
/// processor time times <see cref="WattsPerCore"/>.</param>
/// <param name="ProcessorSeconds">Processor time of this process over all cores.</param>
public sealed record EnergyUse(double Joules, bool IsMeasured, double ProcessorSeconds)
{
    /// <summary>Assumed power of a busy core, of an estimate; server processors take 3 to 15 W.</summary>
    public const double WattsPerCore = 10;
}

/// <summary>Measures the energy that the processor takes, where the system lets it, and estimates it elsewhere.</summary>
public sealed class EnergyMeter
{
    private const string Counter = "/sys/class/powercap/intel-rapl:0/energy_uj";
    private const string Range = "/sys/class/powercap/intel-rapl:0/max_energy_range_uj";

    private readonly double? _energy = Read(Counter);
    private readonly double _processor = ProcessorSeconds();

    /// <summary>What was used since this meter was made.</summary>
    public EnergyUse Result()
    {
        var seconds = ProcessorSeconds() - _processor;
        var joules = _energy is { } start && Read(Counter) is { } end ? (end >= start ? end - start : end + (Read(Range) ?? 0) - start) / 1e6 : (double?)null;
        return new EnergyUse(joules ?? seconds * EnergyUse.WattsPerCore, joules is not null, seconds);
    }

    private static double ProcessorSeconds()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

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
