namespace EoOnnx.Training.Trainer.Schedules;

/// <summary>How the learning rate changes during a run: a factor on every parameter group's own rate.</summary>
public abstract record LearningRateSchedule
{
    private protected LearningRateSchedule()
    {
    }

    /// <summary>The rate stays.</summary>
    public static LearningRateSchedule Constant { get; } = new ConstantSchedule();

    /// <summary>Factor at a step. A pure function of the position, so that a resumed run needs no state.</summary>
    internal abstract double Factor(SchedulePosition position);

    /// <summary>Momentum (β₁ of Adam) at a step; null keeps the optimizer's own.</summary>
    internal virtual double? Momentum(SchedulePosition position) => null;

    private protected static double Fraction(double value, string name) => value is >= 0 and < 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 0 and below 1.");

    private protected static double Decay(double value, string name) => value is > 0 and <= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be over 0 and at most 1; 0.1 is usual.");

    private sealed record ConstantSchedule : LearningRateSchedule
    {
        internal override double Factor(SchedulePosition position) => 1;
    }
}

/// <summary>Where in a run a step lies.</summary>
/// <param name="Step">Steps made before it.</param>
/// <param name="StepsPerEpoch">Steps of an epoch.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
public readonly record struct SchedulePosition(long Step, long StepsPerEpoch, long TotalSteps)
{
    /// <summary>Epochs finished before it.</summary>
    public long Epoch => Step / Math.Max(1, StepsPerEpoch);

    /// <summary>Validation losses of the epochs finished before it.</summary>
    public IReadOnlyList<double> ValidationLosses { get => field ?? []; init; }

    /// <summary>Share of the run that is done, 0 to 1.</summary>
    internal double Done => Math.Min(1, Step / (double)Math.Max(1, TotalSteps));
}
