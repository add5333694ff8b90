namespace EoOnnx.Training.Trainer.Schedules;

/// <summary>The rate is multiplied by <see cref="Gamma"/> when the validation loss has not fallen for more than <see cref="Patience"/> epochs (torch's
/// ReduceLROnPlateau with a relative threshold). Computed from the losses of all finished epochs, so that a resumed run needs no state.</summary>
public sealed record PlateauSchedule : LearningRateSchedule
{
    /// <summary>What the rate is multiplied with.</summary>
    public double Gamma { get; init => field = Decay(value, nameof(Gamma)); } = 0.1;

    /// <summary>Epochs without a better loss that are borne; the next one lowers the rate.</summary>
    public int Patience { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Patience), value, "Patience cannot be negative; 0 lowers the rate at the first epoch without a better loss."); } = 10;

    /// <summary>Share by which a loss must be below the best one to count as better.</summary>
    public double Threshold { get; init => field = Fraction(value, nameof(Threshold)); } = 1e-4;

    /// <summary>Epochs after a reduction in which none is counted.</summary>
    public int Cooldown { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Cooldown), value, "The cool-down cannot be negative; 0 counts at once."); }

    /// <summary>Factor below which the rate does not fall.</summary>
    public double Minimum { get; init => field = Fraction(value, nameof(Minimum)); }

    internal override double Factor(SchedulePosition position)
    {
        var (factor, best, bad, cooling) = (1.0, double.PositiveInfinity, 0, 0);
        foreach (var loss in position.ValidationLosses)
        {
            (best, bad) = loss < best * (1 - Threshold) ? (loss, 0) : (best, bad + 1);
            if (cooling > 0)
            {
                (cooling, bad) = (cooling - 1, 0);
            }

            if (bad > Patience)
            {
                (factor, cooling, bad) = (Math.Max(factor * Gamma, Minimum), Cooldown, 0);
            }
        }

        return factor;
    }
}
