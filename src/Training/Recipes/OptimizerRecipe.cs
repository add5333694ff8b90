namespace EoOnnx.Training.Recipes;

/// <summary>Optimizers of a recipe.</summary>
public enum OptimizerName
{
    /// <summary>Adam with decoupled weight decay.</summary>
    Adamw,

    /// <summary>Adam.</summary>
    Adam,

    /// <summary>Stochastic gradient descent.</summary>
    Sgd,
}

/// <summary>Schedules of a recipe.</summary>
public enum ScheduleName
{
    /// <summary>Half a cosine after a linear warm-up.</summary>
    Cosine,

    /// <summary>The rate stays.</summary>
    Constant,

    /// <summary>The rate falls to a tenth after each third of the run.</summary>
    Step,

    /// <summary>The rate falls in a straight line to 0.</summary>
    Linear,

    /// <summary>One rise and one fall, the momentum against it.</summary>
    OneCycle,

    /// <summary>The rate falls after each of some epochs.</summary>
    MultiStep,

    /// <summary>The rate falls a little after each epoch.</summary>
    Exponential,

    /// <summary>The rate falls to 0 as a power of what is left of the run.</summary>
    Polynomial,

    /// <summary>Cosines one after the other.</summary>
    CosineRestarts,

    /// <summary>The rate falls when the validation loss does not.</summary>
    Plateau,
}

/// <summary>The update rule of a recipe.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>The rule.</summary>
    public OptimizerName Name { get; init; }

    /// <summary>Learning rate of the encoder and, unless <see cref="HeadLearningRate"/> is set, of decoder and head.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Learning rate of decoder and head; null takes <see cref="LearningRate"/>.</summary>
    public double? HeadLearningRate { get; init; }

    /// <summary>Weight decay; null takes the rule's own default.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>The schedule.</summary>
    public ScheduleName Schedule { get; init; }

    /// <summary>Share of the run in which the cosine schedule warms up.</summary>
    public double WarmUp { get; init; } = 0.05;

    /// <summary>What the schedules step, multi-step, exponential and plateau multiply the rate with; null takes the schedule's own.</summary>
    public double? Gamma { get; init; }

    /// <summary>Epochs between two reductions (step) or restarts (cosine-restarts); null takes a third of the run.</summary>
    public int? Every { get; init; }

    /// <summary>Numbers of finished epochs after which the schedule multi-step lowers the rate.</summary>
    public IReadOnlyList<int>? Milestones { get; init; }

    /// <summary>Power of the schedule polynomial; null takes 0.9.</summary>
    public double? Power { get; init; }

    /// <summary>Share of the rate that cosine, cosine-restarts and plateau do not fall below; null lets them fall to 0.</summary>
    public double? Minimum { get; init; }

    /// <summary>Epochs without a better validation loss that the schedule plateau bears; null takes 10.</summary>
    public int? SchedulePatience { get; init; }

    /// <summary>Factor on the learning rate from each layer of the encoder to the one in front of it, as BEiT has it: lr·decayᵏ, k layers in front of
    /// decoder and head. One-dimensional tensors, biases, position tables and class tokens then have no weight decay. Null trains all layers alike.</summary>
    public double? LayerDecay { get; init; }

    /// <summary>Decay of the moving average of the trained tensors, which is evaluated and saved instead of them; null keeps none.</summary>
    public double? AverageDecay { get; init; }

    /// <summary>Largest magnitude of a gradient's element; null does not cut.</summary>
    public double? ClipValue { get; init; }

    /// <summary>Largest norm of all gradients together; null does not clip.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Batches whose gradients make one step.</summary>
    public int Accumulation { get; init; } = 1;
}
