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

    private protected static double Fraction(double value, string name) => value is >= 0 and < 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 0 and below 1.");

    private sealed record ConstantSchedule : LearningRateSchedule
    {
        internal override double Factor(SchedulePosition position) => 1;
    }
}

/// <summary>Where in a run a step lies.</summary>
/// <param name="Step">Steps made before it.</param>
/// <param name="StepsPerEpoch">Steps of an epoch.</param>
/// <param name="Epochs">Epochs of the run.</param>
public readonly record struct SchedulePosition(long Step, long StepsPerEpoch, long Epochs)
{
    /// <summary>Steps of the whole run.</summary>
    public long TotalSteps => StepsPerEpoch * Epochs;

    /// <summary>Epochs finished before it.</summary>
    public long Epoch => Step / Math.Max(1, StepsPerEpoch);
}

/// <summary>Linear warm-up, then half a cosine down to <see cref="Minimum"/> at the end of the run.</summary>
public sealed record CosineSchedule : LearningRateSchedule
{
    /// <summary>Share of the run in which the rate rises linearly, from rate / steps to the full rate.</summary>
    public double WarmUp { get; init => field = Fraction(value, nameof(WarmUp)); } = 0.05;

    /// <summary>Factor at the end.</summary>
    public double Minimum { get; init => field = Fraction(value, nameof(Minimum)); }

    internal override double Factor(SchedulePosition position)
    {
        var warmUp = (long)Math.Round(WarmUp * position.TotalSteps);
        if (position.Step < warmUp)
        {
            return (position.Step + 1.0) / warmUp;
        }

        var done = (position.Step - warmUp) / (double)Math.Max(1, position.TotalSteps - warmUp);
        return Minimum + ((1 - Minimum) * (1 + Math.Cos(Math.PI * Math.Min(1, done))) / 2);
    }
}

/// <summary>The rate is multiplied by <see cref="Gamma"/> every <see cref="Every"/> epochs (torch's StepLR).</summary>
public sealed record StepSchedule : LearningRateSchedule
{
    /// <summary>Epochs between two reductions.</summary>
    public int Every { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Every), value, "The learning rate is lowered every epoch at most."); } = 10;

    /// <summary>What the rate is multiplied with, over 0 and at most 1.</summary>
    public double Gamma { get; init => field = value is > 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Gamma), value, "Gamma must be over 0 and at most 1; 0.1 is usual."); } = 0.1;

    internal override double Factor(SchedulePosition position) => Math.Pow(Gamma, position.Epoch / Every);
}
