using System.Diagnostics;

namespace EoOnnx.Runtime;

/// <summary>Energy of a run.</summary>
/// <param name="Joules">How much: of the processors, and of the GPU where one is used and counts it.</param>
/// <param name="IsMeasured">True when counters gave all of it (RAPL of every processor, NVML of the GPU), for all that ran on the machine meanwhile; false when
/// the processors' part is an estimate, processor time times <see cref="WattsPerCore"/>, or the GPU in use does not tell.</param>
/// <param name="ProcessorSeconds">Processor time of this process over all cores.</param>
public sealed record EnergyUse(double Joules, bool IsMeasured, double ProcessorSeconds)
{
    /// <summary>Assumed power of a busy core, of an estimate; server processors take 3 to 15 W.</summary>
    public const double WattsPerCore = 10;
}

/// <summary>Measures the energy that processors and GPU take, where the system lets it, and estimates it elsewhere.</summary>
public sealed class EnergyMeter : IDisposable
{
    private const string Powercap = "/sys/class/powercap";
    private readonly Lock _gate = new();
    private readonly PowercapCounters? _processors;
    private readonly NvidiaManagement? _gpu;
    private readonly bool _usesGpu;
    private readonly double? _gpuStart;
    private readonly double _seconds = ProcessorSeconds();
    private readonly Timer? _timer;

    /// <summary>Starts measuring the processors.</summary>
    public EnergyMeter() : this(Device.Cpu)
    {
    }

    /// <summary>Starts measuring the processors and, when a GPU is used, that.</summary>
    /// <param name="device">Where the model runs.</param>
    public EnergyMeter(Device device) : this(device, Powercap, NvidiaManagement.Find(device))
    {
    }

    internal EnergyMeter(Device device, string powercap, NvidiaManagement? gpu)
    {
        (_usesGpu, _gpu, _gpuStart, _processors) = (device.Kind == DeviceKind.Cuda, gpu, gpu?.Joules(), PowercapCounters.Find(powercap));
        // A package of 250 W comes round its 262 kJ in 17 minutes.
        var step = TimeSpan.FromMinutes(1);
        _timer = _processors is null ? null : new Timer(static meter => ((EnergyMeter)meter!).ProcessorJoules(), this, step, step);
    }

    /// <summary>What was used since this meter was made.</summary>
    public EnergyUse Result()
    {
        var seconds = ProcessorSeconds() - _seconds;
        var (processors, gpu) = (ProcessorJoules(), _gpu?.Joules() - _gpuStart);
        return new EnergyUse((processors ?? seconds * EnergyUse.WattsPerCore) + (gpu ?? 0), processors is not null && (!_usesGpu || gpu is not null), seconds);
    }

    /// <summary>Stops looking at counters in between; what was used can still be asked for.</summary>
    public void Dispose() => _timer?.Dispose();

    private double? ProcessorJoules()
    {
        lock (_gate)
        {
            return _processors?.Joules();
        }
    }

    private static double ProcessorSeconds()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }
}
