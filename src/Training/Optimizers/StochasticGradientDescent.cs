using EoOnnx.Onnx;

namespace EoOnnx.Training.Optimizers;

/// <summary>Stochastic gradient descent as torch.optim.SGD: g ← g + wd·θ; b ← μ·b + (1 − dampening)·g (b = g at the first step);
/// θ ← θ − lr·b, or θ − lr·(g + μ·b) with Nesterov's form.</summary>
public sealed record StochasticGradientDescent : Optimizer
{
    /// <summary>Plain gradient descent.</summary>
    /// <param name="learningRate">Learning rate before any schedule.</param>
    public StochasticGradientDescent(double learningRate = 1e-3) : base(learningRate)
    {
    }

    /// <summary>μ, 0 to below 1; 0 keeps no state.</summary>
    public double Momentum
    {
        get;
        init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(Momentum), value, "Momentum must lie in [0, 1).");
    }

    /// <summary>Share of the gradient that does not enter the momentum.</summary>
    public double Dampening { get; init; }

    /// <summary>Looks ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    internal override IReadOnlyList<string> StateNames => Momentum > 0 ? ["momentum_buffer"] : [];

    internal override IReadOnlyList<string> ScalarNames => ["learning_rate", "decay", "momentum", "fresh"];

    internal override double[] Scalars(OptimizerStep step, double learningRate, double weightDecay) =>
        [learningRate, weightDecay, step.Momentum ?? Momentum, step.Step == 1 ? 1 : 1 - Dampening];

    internal override (Value Parameter, IReadOnlyList<Value> States) Update(
        GraphBuilder op, Value parameter, Value gradient, IReadOnlyList<Value> states, Func<string, Value> scalar)
    {
        gradient = op.Add(gradient, op.Mul(parameter, scalar("decay")));
        if (states.Count == 0)
        {
            return (op.Sub(parameter, op.Mul(gradient, scalar("learning_rate"))), []);
        }

        var buffer = op.Add(op.Mul(states[0], scalar("momentum")), op.Mul(gradient, scalar("fresh")));
        var direction = Nesterov ? op.Add(gradient, op.Mul(buffer, scalar("momentum"))) : buffer;
        return (op.Sub(parameter, op.Mul(direction, scalar("learning_rate"))), [buffer]);
    }
}
