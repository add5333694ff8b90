using System.Diagnostics;
using System.Globalization;

namespace EoOnnx.Training.Trainer;

/// <summary>What a run used of the machine; a resumed run counts from its resumption.</summary>
/// <param name="PeakMemoryBytes">Largest resident memory of the process.</param>
/// <param name="ProcessorSeconds">Processor time over all cores.</param>
/// <param name="EnergyJoules">Energy of the processor.</param>
/// <param name="EnergyIsMeasured">True when the processor's own counter (RAPL) gave the energy, for all that ran on the machine meanwhile; false when it is an
/// estimate: processor time times <see cref="WattsPerCore"/>.</param>
public sealed record ResourceUse(long PeakMemoryBytes, double ProcessorSeconds, double EnergyJoules, bool EnergyIsMeasured)
{
    /// <summary>Assumed power of a busy core, of an estimate; server processors take 3 to 15 W.</summary>
    public const double WattsPerCore = 10;
}

/// <summary>Measures a run.</summary>
internal sealed class ResourceMeter
{
    private const string Counter = "/sys/class/powercap/intel-rapl:0/energy_uj";
    private const string Range = "/sys/class/powercap/intel-rapl:0/max_energy_range_uj";

    private readonly double? _energy = Read(Counter);
    private readonly double _processor = ProcessorSeconds();

    /// <summary>What was used since this meter was made.</summary>
    public ResourceUse Result()
    {
        using var process = Process.GetCurrentProcess();
        var seconds = ProcessorSeconds() - _processor;
        var joules = _energy is { } start && Read(Counter) is { } end ? (end >= start ? end - start : end + (Read(Range) ?? 0) - start) / 1e6 : (double?)null;
        return new ResourceUse(process.PeakWorkingSet64, seconds, joules ?? seconds * ResourceUse.WattsPerCore, joules is not null);
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
