using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;

namespace EoOnnx.Training.Autodiff;

/// <summary>
/// A compiled training step: one plain ONNX model that any ONNX Runtime executes. A run takes a batch, the parameters and the
/// optimizer's state, and returns the loss and what parameters and state become. Nothing is hidden in the session, so saving
/// parameters and state is saving the run.
/// </summary>
/// <remarks>
/// Inputs of <see cref="Step"/>, in this order:
/// <list type="bullet">
/// <item><c>image</c> and whatever else the task model takes (<see cref="DataInputs"/>);</item>
/// <item><c>target</c>: Int64 or Float, see <see cref="Target"/>;</item>
/// <item>one for each parameter, under its own name, and for each of its state tensors (<see cref="Slots"/>): feed
/// <see cref="TrainingSlot.Initial"/> first, afterwards what the output <see cref="TrainingSlot.Output"/> returned;</item>
/// <item><c>optimizer.scalars</c> [groups, scalars]: <see cref="Scalars"/> makes it from step number and learning rates.</item>
/// </list>
/// Outputs: <c>loss</c> (no axes), <c>gradient.squares</c> [parameters] (sum of squares of each parameter's gradient before clipping,
/// in the order of <see cref="Parameters"/>: their sum's root is the gradient norm, and the first that is not finite names the
/// tensor that broke), then <see cref="TrainingSlot.Output"/> for each slot.
/// With accumulation, <see cref="Step"/> takes and returns gradient sums (slots <c>NAME.gradient</c>) instead of parameters and
/// state, and takes no scalars; after every k-th micro-batch <see cref="Update"/> turns parameters, state and gradient sums into new
/// ones, and the sums start from their initial zeros again. There <c>gradient.squares</c> is an output of <see cref="Update"/>.
/// </remarks>
public sealed class TrainingGraph
{
    private readonly IReadOnlyList<double> _weightDecays;

    internal TrainingGraph(OnnxModel step, Optimizer optimizer, IReadOnlyList<double> weightDecays) =>
        (Step, Optimizer, _weightDecays) = (step, optimizer, weightDecays);

    /// <summary>Name of the target input.</summary>
    public const string TargetName = "target";

    /// <summary>Name of the loss output.</summary>
    public const string LossName = "loss";

    /// <summary>Name of the scalar input.</summary>
    public const string ScalarsName = "optimizer.scalars";

    /// <summary>Name of the output that holds one sum of squared gradients a parameter.</summary>
    public const string GradientSquaresName = "gradient.squares";

    /// <summary>Name of the input that takes the weight of a part of a batch in the gradient of a step.</summary>
    internal const string ShareName = "loss.share";

    /// <summary>The model that is run for every (micro-)batch.</summary>
    public OnnxModel Step { get; }

    /// <summary>With accumulation, and when a batch goes through in parts, the small model that makes a step from accumulated gradients; else null.</summary>
    public OnnxModel? Update { get; internal init; }

    /// <summary>The optimizer that was compiled in.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Inputs that a batch fills besides the target: name, type and shape, usually only <c>image</c>.</summary>
    public required IReadOnlyList<Value> DataInputs { get; init; }

    /// <summary>The target input.</summary>
    public required Value Target { get; init; }

    /// <summary>Parameters in the order of the task's trainable tensors.</summary>
    public required IReadOnlyList<TrainingSlot> Parameters { get; init; }

    /// <summary>Everything that a step takes and gives back: parameters, their optimizer state, and buffers such as running
    /// statistics. With accumulation, what <see cref="Update"/> takes and gives back, plus buffers, which <see cref="Step"/> does.</summary>
    public required IReadOnlyList<TrainingSlot> Slots { get; init; }

    /// <summary>With accumulation, the gradient sums: <see cref="Step"/> takes and gives them back, <see cref="Update"/> takes them.</summary>
    public IReadOnlyList<TrainingSlot> GradientSums { get; init; } = [];

    /// <summary>Names of the parameter groups; the schedule gives one learning rate for each.</summary>
    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>Micro-batches a step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>What the loss of a batch divides by, when batches go through in parts; else null.</summary>
    internal TargetWeights? PartWeights { get; init; }

    /// <summary>Largest share of the old value in the averages of parameters; null when none are kept.</summary>
    internal double? AverageDecay { get; init; }

    /// <summary>How much of the forward pass is computed again.</summary>
    public Recompute Recompute { get; init; }

    /// <summary>Names of the forward values that are kept for the gradients.</summary>
    public IReadOnlyList<string> Kept { get; init; } = [];

    /// <summary>Names of the forward values that gradients need and that are computed again.</summary>
    public IReadOnlyList<string> Recomputed { get; init; } = [];

    /// <summary>The content of the input <c>optimizer.scalars</c>, computed in double precision.</summary>
    /// <exception cref="TrainingException">Not one learning rate a group.</exception>
    public TensorData Scalars(OptimizerStep step)
    {
        if (step.LearningRates.Count != Groups.Count)
        {
            throw new TrainingException($"{step.LearningRates.Count} learning rates were given for {Groups.Count} parameter groups ({string.Join(", ", Groups)}).");
        }

        // Young averages follow faster, or they would hold the untrained values for long: d = min(decay, (1 + t)/(10 + t)).
        double[] average = AverageDecay is { } decay ? [1 - Math.Min(decay, (1.0 + step.Step) / (10.0 + step.Step))] : [];
        var values = Groups.SelectMany((_, group) => Optimizer.Scalars(step, step.LearningRates[group], _weightDecays[group]).Concat(average).Select(value => (float)value)).ToArray();
        return TensorData.FromValues<float>([Groups.Count, Optimizer.ScalarNames.Count + average.Length], values);
    }
}

/// <summary>What a slot of a training graph holds.</summary>
public enum TrainingSlotKind
{
    /// <summary>A trainable tensor.</summary>
    Parameter,

    /// <summary>A tensor of the optimizer, of the shape of its parameter.</summary>
    OptimizerState,

    /// <summary>A tensor that training updates without a gradient, such as BatchNorm's running mean; part of the adapter.</summary>
    Buffer,

    /// <summary>The moving average of a parameter, which takes its place in predictions.</summary>
    Average,

    /// <summary>The sum of gradients of micro-batches.</summary>
    GradientSum,
}

/// <summary>A tensor that a training step takes as an input and gives back changed as an output.</summary>
/// <param name="Name">Name of the input. Parameters keep the name of the tensor; state is <c>NAME.exp_avg</c> and so on.</param>
/// <param name="Output">Name of the output, <c>NAME.next</c>.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Initial">Its content before the first step.</param>
/// <param name="Group">Index of the parameter group; 0 for buffers.</param>
public sealed record TrainingSlot(string Name, string Output, TrainingSlotKind Kind, TensorData Initial, int Group)
{
    /// <summary>Name of the slot that holds a parameter's moving average.</summary>
    internal static string AverageOf(string parameter) => $"{parameter}.average";
}
