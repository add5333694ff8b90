using System.Text.Json;

namespace EoOnnx.Bench.Training;

/// <summary>What one measuring process does.</summary>
public sealed record StepSettings
{
    /// <summary>Who is measured: <c>forward</c>, <c>step</c>, <c>turns</c> (both, in turns) or <c>run</c> (an epoch with validation).</summary>
    public string Subject { get; init; } = "step";

    /// <summary>Images of a batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Edge of the image in pixels.</summary>
    public int Tile { get; init; } = 224;

    /// <summary>Blocks of the encoder.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>Threads of an operator.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>Measured turns, after one that warms up.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>Bytes that the run may take; null sets no limit.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>False gives up packed weights.</summary>
    public bool Pack { get; init; } = true;

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
public sealed record StepFigures(double Forward, double Step, double Ratio, long PeakBytes, string Name, long EstimatedBytes = 0);
