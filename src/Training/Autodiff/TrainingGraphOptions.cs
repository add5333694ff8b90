namespace EoOnnx.Training.Autodiff;

/// <summary>How a training graph is compiled.</summary>
public sealed record TrainingGraphOptions
{
    /// <summary>Groups of parameters with their own learning rate or weight decay, in order; a parameter belongs to the first that
    /// contains it, and to a last group named <c>default</c> when none does.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; init; } = [];

    /// <summary>Largest 2-norm of all gradients together; longer ones are shortened to it. Null does not clip.</summary>
    public double? ClipNorm { get; init => field = Positive(value, nameof(ClipNorm)); }

    /// <summary>Largest magnitude of a gradient's element; larger ones are cut. Null does not clip.</summary>
    public double? ClipValue { get; init => field = Positive(value, nameof(ClipValue)); }

    /// <summary>Keeps an exponential moving average of every parameter, θ̄ ← d·θ̄ + (1 − d)·θ after each step, which is evaluated and saved instead of the
    /// parameter; d is this number, and (1 + t)/(10 + t) while that is smaller. Null keeps none. Buffers such as running statistics are not averaged.</summary>
    public double? AverageDecay
    {
        get;
        init => field = value is null or (> 0 and < 1) ? value : throw new ArgumentOutOfRangeException(nameof(AverageDecay), value, "The decay of averages must be over 0 and under 1; 0.99 to 0.9999 is usual.");
    }

    /// <summary>Micro-batches whose gradients are added up before one step, each counted 1/Accumulation. Above 1 the compiler makes two
    /// models: one that adds up, one that steps.</summary>
    public int Accumulation
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Accumulation), value, "At least one micro-batch makes a step.");
    } = 1;

    /// <summary>A batch goes through in parts whose gradients are added up: the step takes a part and its share of the batch's loss. Makes two models, as <see cref="Accumulation"/> does.
    /// Only for losses that are a mean over targets and models without statistics of the batch.</summary>
    internal bool InParts { get; init; }

    /// <summary>True when gradients are added up before a step.</summary>
    internal bool AddsUp => InParts || Accumulation > 1;

    /// <summary>Forward values that are computed again during the backward pass instead of being kept. The gradients are the same.</summary>
    public Recompute Recompute { get; init; }

    /// <summary>How the forward pass multiplies with frozen weights.</summary>
    public FrozenBase Base { get; init; }

    private static double? Positive(double? value, string name) => value is null or > 0
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must be above 0; leave it null not to clip.");
}

/// <summary>Parameters that share a learning rate and a weight decay.</summary>
/// <param name="Name">Name for reports.</param>
/// <param name="Contains">Tells by its name whether a parameter belongs to the group.</param>
public sealed record ParameterGroup(string Name, Predicate<string> Contains)
{
    /// <summary>Weight decay; null takes the optimizer's.</summary>
    public double? WeightDecay { get; init; }
}
