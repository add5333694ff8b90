namespace EoOnnx.Cli;

/// <summary>One message of progress.</summary>
/// <param name="Stage">What is being done, in a word or two; a new stage starts a new line.</param>
/// <param name="Fraction">How much of the stage is done, 0 to 1; null when that is not known.</param>
/// <param name="Text">The figures of the moment: rate, loss, time left.</param>
internal sealed record Step(string Stage, double? Fraction = null, string Text = "")
{
    /// <summary>Share of the time in which a training run waited for data; null for other work.</summary>
    public double? Waiting { get; init; }
}
