using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Memory;

/// <summary>
/// How many samples of a batch go through the model together: only the values of these are kept for the gradients, and passes over them find more in the
/// processor's cache. Gradients of parts add up to those of the batch.
/// </summary>
internal static class BatchParts
{
    // Largest value of a part, of a last-level cache that several of them share.
    private const long CacheShare = 10_000_000;

    // Batches with values up to this size stay whole.
    private const long SmallBatch = 12_000_000;

    // Fewer rows leave matrix products short of work: on a quiet machine, parts of 197 rows cost 5 % of a step.
    private const long FewestRows = 384;

    /// <summary>Samples of a part. It depends on sizes only, so that a resumed run takes the same; the whole batch where its loss or statistics cannot be taken apart, or fits.</summary>
    public static int Size(TaskModel task, Loss loss, int batch)
    {
        if (loss.MeanOver is null || task.HasBatchStatistics || task.TrainingModel.Graph.Inputs.Any(input => input is { Data: null, Shape.Rank: > 0 } && input.KnownShape[0].Value is not null))
        {
            return batch;
        }

        var (bytes, shape) = ValueMemory.Largest(task.TrainingModel, 1);
        if (bytes * batch <= SmallBatch)
        {
            return batch;
        }

        var rows = Math.Max(1, shape.Aggregate(1L, (product, extent) => product * extent) / shape.Max());
        var samples = Math.Max(CacheShare / bytes, (FewestRows + rows - 1) / rows);
        if (samples >= batch)
        {
            return batch;
        }

        var parts = (batch + samples - 1) / samples;
        return (int)((batch + parts - 1) / parts);   // as even as can be
    }
}
