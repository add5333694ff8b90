using System.Text.Json;

namespace EoOnnx.Bench.Training;

/// <summary>What one measuring process does.</summary>
public sealed record StepSettings
{
    /// <summary>Who is measured: <c>forward</c>, <c>step</c>, <c>turns</c> (both, in turns, with the peer when there is one), <c>run</c> (an epoch with validation) or <c>epochs</c>
    /// (several, each timed).</summary>
    public string Subject { get; init; } = "step";

    /// <summary>Images of a batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Edge of the image in pixels.</summary>
    public int Tile { get; init; } = 224;

    /// <summary>Blocks of the encoder.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>The last blocks that LoRA is put into; null for all, 0 trains the head alone.</summary>
    public int? Adapted { get; init; }

    /// <summary>Whether the features of what is not trained are kept in memory.</summary>
    public bool KeepFeatures { get; init; }

    /// <summary>True takes the peer into the turns.</summary>
    public bool Peer { get; init; }

    /// <summary>Threads of an operator.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>Measured turns, after one that warms up.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>Bytes that the run may take; null sets no limit.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>False gives up packed weights.</summary>
    public bool Pack { get; init; } = true;

    /// <summary>Images that go through together; null takes what a run takes.</summary>
    public int? Part { get; init; }

    /// <summary>What is computed a second time.</summary>
    public EoOnnx.Training.Autodiff.Recompute Recompute { get; init; }

    /// <summary>As one argument of a command line.</summary>
    public string ToArgument() => JsonSerializer.Serialize(this);

    /// <summary>Reads <see cref="ToArgument"/>.</summary>
    public static StepSettings Parse(string argument) => JsonSerializer.Deserialize<StepSettings>(argument)
        ?? throw new ArgumentException("The settings of a measuring process are empty.", nameof(argument));
}

/// <summary>What a measuring process found.</summary>
/// <param name="Forward">Median seconds of a forward pass; 0 when none was made.</param>
/// <param name="Step">Median seconds of a training step; 0 when none was made.</param>
/// <param name="Ratio">Median of step over forward, turn by turn; 0 when only one was measured.</param>
/// <param name="PeakBytes">Largest resident set of the process.</param>
/// <param name="Name">Library and version.</param>
/// <param name="EstimatedBytes">Peak that the memory plan of a run expected; 0 for other subjects.</param>
/// <param name="PeerStep">Median seconds of the peer's training step; 0 without a peer.</param>
/// <param name="Peer">The peer, or why there is none.</param>
public sealed record StepFigures(double Forward, double Step, double Ratio, long PeakBytes, string Name, long EstimatedBytes = 0, double PeerStep = 0, string Peer = "");

/// <summary>The step of one memory plan.</summary>
/// <param name="Part">Images that go through together.</param>
/// <param name="Recompute">What is computed again.</param>
/// <param name="Pack">Whether weights are packed.</param>
/// <param name="Step">Median seconds.</param>
/// <param name="Ratio">Median of step over the forward pass of packed weights, turn by turn.</param>
/// <param name="Processor">Fewest seconds of processor time.</param>
/// <param name="ProcessorRatio">The same over the fewest of the forward pass. On a busy machine, with one thread, it says more than the other.</param>
public sealed record PlanFigures(int Part, string Recompute, bool Pack, double Step, double Ratio, double Processor, double ProcessorRatio);

/// <summary>What a process that timed epochs found.</summary>
/// <param name="Training">Median seconds of an epoch's steps, waiting for data included; the first epoch does not count.</param>
/// <param name="Whole">The same with the validation.</param>
/// <param name="Before">Seconds before the first step for computing features; 0 when none are kept.</param>
/// <param name="PeakBytes">Largest resident set of the process.</param>
/// <param name="FeatureBytes">Features that were kept.</param>
public sealed record EpochFigures(double Training, double Whole, double Before, long PeakBytes, long FeatureBytes);
