namespace EoOnnx.Training.Trainer.Schedules;

/// <summary>
/// One rise and one fall (Smith and Topin 2019; torch's OneCycleLR): the factor goes on cosines from 1 / 25 to 1 in the first part of the run
/// and to 1 / 250,000 at its last step, while the momentum (β₁ of Adam) goes from 0.95 to 0.85 and back.
/// </summary>
public sealed record OneCycleSchedule : LearningRateSchedule
{
    /// <summary>Share of the run in which the rate rises.</summary>
    public double Rise { get; init => field = value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(Rise), value, "The rise is over 0 and under 1 of the run; 0.3 is usual."); } = 0.3;

    /// <summary>The optimizer's learning rate over that of the first step.</summary>
    public double Division { get; init => field = value > 1 ? value : throw new ArgumentOutOfRangeException(nameof(Division), value, "The division must be over 1; 25 is usual."); } = 25;

    /// <summary>The rate of the first step over that of the last.</summary>
    public double FinalDivision { get; init => field = value > 1 ? value : throw new ArgumentOutOfRangeException(nameof(FinalDivision), value, "The final division must be over 1; 10,000 is usual."); } = 1e4;

    /// <summary>Moves the momentum against the rate.</summary>
    public bool CycleMomentum { get; init; } = true;

    internal override double Factor(SchedulePosition position) => Between(position, 1 / Division, 1, 1 / Division / FinalDivision);

    internal override double? Momentum(SchedulePosition position) => CycleMomentum ? Between(position, 0.95, 0.85, 0.95) : null;

    private double Between(SchedulePosition position, double start, double peak, double end)
    {
        var top = (Rise * position.TotalSteps) - 1;
        var last = position.TotalSteps - 1;
        return position.Step <= top ? Cosine(start, peak, top <= 0 ? 1 : position.Step / top)
            : Cosine(peak, end, Math.Min(1, (position.Step - top) / Math.Max(1e-9, last - top)));
    }

    private static double Cosine(double from, double to, double share) => to + ((from - to) / 2 * (1 + Math.Cos(Math.PI * share)));
}
