namespace EoOnnx.Training.Trainer.Schedules;

/// <summary>The rate is multiplied by <see cref="Gamma"/> every <see cref="Every"/> epochs (torch's StepLR).</summary>
public sealed record StepSchedule : LearningRateSchedule
{
    /// <summary>Epochs between two reductions.</summary>
    public int Every { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Every), value, "The learning rate is lowered every epoch at most."); } = 10;

    /// <summary>What the rate is multiplied with.</summary>
    public double Gamma { get; init => field = Decay(value, nameof(Gamma)); } = 0.1;

    internal override double Factor(SchedulePosition position) => Math.Pow(Gamma, position.Epoch / Every);
}

/// <summary>The rate is multiplied by <see cref="Gamma"/> after each of some epochs (torch's MultiStepLR).</summary>
public sealed record MultiStepSchedule : LearningRateSchedule
{
    /// <summary>Numbers of finished epochs after which the rate is lowered.</summary>
    public required IReadOnlyList<int> Milestones { get; init; }

    /// <summary>What the rate is multiplied with.</summary>
    public double Gamma { get; init => field = Decay(value, nameof(Gamma)); } = 0.1;

    internal override double Factor(SchedulePosition position) => Math.Pow(Gamma, Milestones.Count(milestone => milestone <= position.Epoch));
}

/// <summary>The rate is multiplied by <see cref="Gamma"/> after each epoch (torch's ExponentialLR).</summary>
public sealed record ExponentialSchedule : LearningRateSchedule
{
    /// <summary>What the rate is multiplied with.</summary>
    public double Gamma { get; init => field = Decay(value, nameof(Gamma)); } = 0.95;

    internal override double Factor(SchedulePosition position) => Math.Pow(Gamma, position.Epoch);
}

/// <summary>The rate falls to 0 as (1 − done)^power (torch's PolynomialLR).</summary>
public sealed record PolynomialSchedule : LearningRateSchedule
{
    /// <summary>The power, over 0; 1 is a straight line.</summary>
    public double Power { get; init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Power), value, "The power must be over 0; 0.9 to 1 is usual."); } = 1;

    internal override double Factor(SchedulePosition position) => Math.Pow(1 - position.Done, Power);
}

/// <summary>A linear rise in front of another schedule, whose own run begins after it.</summary>
public sealed record WarmUpSchedule : LearningRateSchedule
{
    /// <summary>Steps of the rise.</summary>
    public required int Steps { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Steps), value, "A warm-up has at least 1 step."); }

    /// <summary>Factor of the first step; null rises as 1/n, 2/n, ….</summary>
    public double? Start { get; init => field = value is { } start ? Fraction(start, nameof(Start)) : null; }

    /// <summary>What follows.</summary>
    public required LearningRateSchedule Then { get; init; }

    internal override double Factor(SchedulePosition position) => position.Step >= Steps ? Then.Factor(After(position))
        : Start is { } start ? start + ((1 - start) * position.Step / Steps)
        : (position.Step + 1.0) / Steps;

    internal override double? Momentum(SchedulePosition position) => position.Step >= Steps ? Then.Momentum(After(position)) : null;

    private SchedulePosition After(SchedulePosition position) => position with { Step = position.Step - Steps, TotalSteps = position.TotalSteps - Steps };
}
