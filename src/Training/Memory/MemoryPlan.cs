using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Memory;

/// <summary>What a training run keeps in memory, what it computes again, and how much memory it is expected to take at most.</summary>
public sealed record MemoryPlan
{
    /// <summary>What is computed a second time.</summary>
    public required Recompute Recompute { get; init; }

    /// <summary>True when frozen weights are packed for speed; else they are pages of the mapped file.</summary>
    public required bool PackWeights { get; init; }

    /// <summary>Samples of a batch that go through the model together; the gradients of such parts are added up to those of the batch.</summary>
    public required int Part { get; init; }

    /// <summary>Forward values of a part that are kept for the gradients, in bytes.</summary>
    public required long KeptBytes { get; init; }

    /// <summary>Forward values that are computed again instead, in bytes.</summary>
    public required long RecomputedBytes { get; init; }

    /// <summary>Largest sum of the intermediate values that live at the same time in a step, kept ones included.</summary>
    public required long ValueBytes { get; init; }

    /// <summary>Frozen weights in memory, packed copies included; the training step and the validation share them.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Trainable tensors, their optimizer state and the copies that a step writes to.</summary>
    public required long StateBytes { get; init; }

    /// <summary>Intermediate values of the validation.</summary>
    public required long ValidationBytes { get; init; }

    /// <summary>Features of the frozen part of the model that are kept in memory.</summary>
    public long FeatureBytes { get; init; }

    /// <summary>What computing those features takes before the first step: weights and intermediate values of the frozen part.</summary>
    public long FeaturePassBytes { get; init; }

    /// <summary>Weights that are read while they are packed, before the first step.</summary>
    public long PackingBytes { get; init; }

    /// <summary>What the runtimes, the program and the batches that are being read take.</summary>
    public required long FixedBytes { get; init; }

    /// <summary>Expected peak of the process.</summary>
    public long EstimatedPeak => WeightBytes + StateBytes + FeatureBytes + FixedBytes + Math.Max(
        Math.Max(FeaturePassBytes, PackingBytes), TakesTurns ? Math.Max(ValueBytes, ValidationBytes) : ValueBytes + ValidationBytes);

    /// <summary>True when training and validation give the memory of their values back before the other begins.</summary>
    public bool TakesTurns { get; init; }

    /// <summary>The most that was allowed; null when nothing was said.</summary>
    public long? Budget { get; init; }
}
