namespace EoOnnx.Training.Trainer.Schedules;

/// <summary>Half a cosine from the full rate down to <see cref="Minimum"/> at the end of the run, after a linear warm-up.</summary>
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

        var later = position with { Step = position.Step - warmUp, TotalSteps = position.TotalSteps - warmUp };
        return Minimum + ((1 - Minimum) * (1 + Math.Cos(Math.PI * later.Done)) / 2);
    }
}

/// <summary>Cosines from the full rate down to <see cref="Minimum"/>, one after the other (SGDR, Loshchilov and Hutter 2017).</summary>
public sealed record CosineRestartsSchedule : LearningRateSchedule
{
    /// <summary>Epochs of one cosine.</summary>
    public int Every { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Every), value, "A cosine is at least 1 epoch long."); } = 10;

    /// <summary>Factor at the end of each cosine.</summary>
    public double Minimum { get; init => field = Fraction(value, nameof(Minimum)); }

    internal override double Factor(SchedulePosition position)
    {
        var length = Every * position.StepsPerEpoch;
        return Minimum + ((1 - Minimum) * (1 + Math.Cos(Math.PI * (position.Step % length) / length)) / 2);
    }
}
