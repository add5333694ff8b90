using System.Diagnostics;

namespace EoOnnx.Runtime;

/// <summary>How long a stage was busy, and how long it waited. Used by that stage alone.</summary>
internal sealed class StageClock
{
    private readonly StageCounter _busy = new(), _starved = new(), _blocked = new();

    /// <summary>Seconds of work.</summary>
    public double Seconds => _busy.Seconds;

    /// <summary>Seconds without work: the stage before had nothing ready.</summary>
    public double Starved => _starved.Seconds;

    /// <summary>Seconds in which the stages behind had no room for what was ready.</summary>
    public double Blocked => _blocked.Seconds;

    /// <summary>Measures work until disposal.</summary>
    public Measurement Measure() => new(_busy);

    /// <summary>Measures waiting for work until disposal.</summary>
    public Measurement Starve() => new(_starved);

    /// <summary>Measures waiting for room until disposal.</summary>
    public Measurement Block() => new(_blocked);

    internal sealed class StageCounter
    {
        public long Ticks { get; set; }

        public double Seconds => (double)Ticks / Stopwatch.Frequency;
    }

    internal readonly ref struct Measurement(StageCounter counter)
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public void Dispose() => counter.Ticks += Stopwatch.GetTimestamp() - _start;
    }
}
