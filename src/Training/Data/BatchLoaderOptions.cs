namespace EoOnnx.Training.Data;

/// <summary>How samples become batches.</summary>
public sealed record BatchLoaderOptions
{
    /// <summary>Samples that go through the model together.</summary>
    public int BatchSize { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(BatchSize), value, "A batch has at least 1 sample."); } = 8;

    /// <summary>Leave out the last training batch of an epoch when it is not full. Batch normalisation needs it when one sample may be left over.</summary>
    public bool DropLast { get; init; }

    /// <summary>Seed of shuffling and augmentation.</summary>
    public long Seed { get; init; }

    /// <summary>Batches that are made at the same time, ahead of the trainer.</summary>
    public int Workers { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Workers), value, "There must be at least 1 worker."); } = 2;
}
