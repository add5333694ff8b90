using EoOnnx.Onnx;

namespace EoOnnx.Training.Optimizers;

/// <summary>
/// A rule that turns gradients into new parameters, written as ONNX nodes. What changes from step to step (learning rate, bias
/// correction) is computed by the host in double precision and fed as scalars.
/// </summary>
public abstract record Optimizer
{
    /// <summary>An optimizer of this room.</summary>
    private protected Optimizer(double learningRate) => LearningRate = learningRate;

    /// <summary>Learning rate before any schedule; at least 0.</summary>
    public double LearningRate
    {
        get;
        init => field = value >= 0 && double.IsFinite(value) ? value
            : throw new ArgumentOutOfRangeException(nameof(LearningRate), value, "The learning rate must be at least 0; 1e-5 to 1e-2 is usual.");
    }

    /// <summary>Weight decay of parameter groups that do not set their own.</summary>
    public double WeightDecay
    {
        get;
        init => field = value >= 0 && double.IsFinite(value) ? value
            : throw new ArgumentOutOfRangeException(nameof(WeightDecay), value, "Weight decay must be at least 0; 0 to 0.1 is usual.");
    }

    /// <summary>Names of the state tensors of a parameter, each of the parameter's shape and zero at the start.</summary>
    internal abstract IReadOnlyList<string> StateNames { get; }

    /// <summary>Names of the scalars that a step needs, in a fixed order.</summary>
    internal abstract IReadOnlyList<string> ScalarNames { get; }

    /// <summary>The scalars of one parameter group at one step, in the order of <see cref="ScalarNames"/>.</summary>
    internal abstract double[] Scalars(OptimizerStep step, double learningRate, double weightDecay);

    /// <summary>Appends the update of one parameter.</summary>
    /// <param name="op">Builder of the training graph.</param>
    /// <param name="parameter">θ before the step.</param>
    /// <param name="gradient">g, clipped already.</param>
    /// <param name="states">State tensors in the order of <see cref="StateNames"/>.</param>
    /// <param name="scalar">The scalar of a name, without axes.</param>
    internal abstract (Value Parameter, IReadOnlyList<Value> States) Update(
        GraphBuilder op, Value parameter, Value gradient, IReadOnlyList<Value> states, Func<string, Value> scalar);
}

/// <summary>What the host decides for one optimizer step.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="LearningRates">Scheduled learning rate of each parameter group, in the order of the training graph's groups.</param>
/// <param name="Momentum">Momentum or β₁ when a schedule cycles it; null keeps the optimizer's own.</param>
public sealed record OptimizerStep(long Step, IReadOnlyList<double> LearningRates, double? Momentum = null);
