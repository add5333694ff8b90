using System.Diagnostics;

namespace EoOnnx.Runtime;

/// <summary>How long a stage was busy. Used by that stage alone.</summary>
internal sealed class StageClock
{
    private long _ticks;

    public double Seconds => (double)_ticks / Stopwatch.Frequency;

    /// <summary>Measures until disposal.</summary>
    public Measurement Measure() => new(this, Stopwatch.GetTimestamp());

    internal readonly ref struct Measurement(StageClock clock, long start)
    {
        public void Dispose() => clock._ticks += Stopwatch.GetTimestamp() - start;
    }
}
