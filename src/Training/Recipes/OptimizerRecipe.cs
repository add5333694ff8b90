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

    /// <summary>Largest norm of all gradients together; null does not clip.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Batches whose gradients make one step.</summary>
    public int Accumulation { get; init; } = 1;
}
