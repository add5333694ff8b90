using EoOnnx.Onnx;

namespace EoOnnx.Training.Optimizers;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW: θ ← θ(1 − lr·wd), then
/// m ← m + (1 − β₁)(g − m), v ← β₂v + (1 − β₂)g², θ ← θ − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).</summary>
public sealed record AdamW : AdamFamily
{
    /// <summary>AdamW with weight decay 0.01.</summary>
    /// <param name="learningRate">Learning rate before any schedule.</param>
    public AdamW(double learningRate = 1e-3) : base(learningRate) => WeightDecay = 0.01;

    internal override bool Decoupled => true;
}

/// <summary>Adam (Kingma and Ba 2015), as torch.optim.Adam; weight decay, 0 by default, is added to the gradient.</summary>
public sealed record Adam : AdamFamily
{
    /// <summary>Adam without weight decay.</summary>
    /// <param name="learningRate">Learning rate before any schedule.</param>
    public Adam(double learningRate = 1e-3) : base(learningRate)
    {
    }

    internal override bool Decoupled => false;
}

/// <summary>What Adam and AdamW share.</summary>
public abstract record AdamFamily : Optimizer
{
    private protected AdamFamily(double learningRate) : base(learningRate)
    {
    }

    /// <summary>Decay of the mean of gradients, 0 to below 1.</summary>
    public double Beta1 { get; init => field = Fraction(value, nameof(Beta1)); } = 0.9;

    /// <summary>Decay of the mean of squared gradients, 0 to below 1.</summary>
    public double Beta2 { get; init => field = Fraction(value, nameof(Beta2)); } = 0.999;

    /// <summary>Added to the root of the corrected second moment; above 0.</summary>
    public double Epsilon
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Epsilon), value, "Epsilon must be above 0; 1e-8 is usual.");
    } = 1e-8;

    /// <summary>Divides by the largest second moment seen so far (AMSGrad).</summary>
    public bool AmsGrad { get; init; }

    /// <summary>True when decay acts on the parameter and not through the gradient.</summary>
    internal abstract bool Decoupled { get; }

    internal override IReadOnlyList<string> StateNames => AmsGrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"];

    internal override IReadOnlyList<string> ScalarNames => ["decay", "one_minus_beta1", "beta2", "one_minus_beta2", "root_correction", "step_size", "epsilon"];

    internal override double[] Scalars(OptimizerStep step, double learningRate, double weightDecay)
    {
        var beta1 = step.Momentum ?? Beta1;
        return
        [
            Decoupled ? 1 - (learningRate * weightDecay) : weightDecay, 1 - beta1, Beta2, 1 - Beta2, Math.Sqrt(1 - Math.Pow(Beta2, step.Step)),
            learningRate / (1 - Math.Pow(beta1, step.Step)), Epsilon,
        ];
    }

    internal override (Value Parameter, IReadOnlyList<Value> States) Update(
        GraphBuilder op, Value parameter, Value gradient, IReadOnlyList<Value> states, Func<string, Value> scalar)
    {
        if (Decoupled)
        {
            parameter = op.Mul(parameter, scalar("decay"));
        }
        else
        {
            gradient = op.Add(gradient, op.Mul(parameter, scalar("decay")));
        }

        var mean = op.Add(states[0], op.Mul(op.Sub(gradient, states[0]), scalar("one_minus_beta1")));
        var square = op.Add(op.Mul(states[1], scalar("beta2")), op.Mul(op.Mul(gradient, gradient), scalar("one_minus_beta2")));
        var bound = AmsGrad ? op.Max(states[2], square) : square;
        var denominator = op.Add(op.Div(op.Sqrt(bound), scalar("root_correction")), scalar("epsilon"));
        var next = op.Sub(parameter, op.Div(op.Mul(mean, scalar("step_size")), denominator));
        return (next, AmsGrad ? [mean, square, bound] : [mean, square]);
    }

    private static double Fraction(double value, string name) => value is >= 0 and < 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in [0, 1).");
}
