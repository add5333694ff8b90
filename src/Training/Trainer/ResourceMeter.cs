using System.Diagnostics;
using EoOnnx.Runtime;

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
    public const double WattsPerCore = EnergyUse.WattsPerCore;
}

/// <summary>Measures a run.</summary>
internal sealed class ResourceMeter : IDisposable
{
    private readonly EnergyMeter _energy = new();

    /// <summary>What was used since this meter was made.</summary>
    public ResourceUse Result()
    {
        using var process = Process.GetCurrentProcess();
        var energy = _energy.Result();
        return new ResourceUse(process.PeakWorkingSet64, energy.ProcessorSeconds, energy.Joules, energy.IsMeasured);
    }

    public void Dispose() => _energy.Dispose();
}
