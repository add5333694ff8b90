using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;

namespace EoOnnx.Training.Trainer;

/// <summary>
/// Trains the adapters and the head of a task on stock ONNX Runtime: compiles the step once, runs it over the chips, validates after
/// each epoch and keeps the best one. Same task, data, options, seeds, machine and threads give the same bits.
/// </summary>
public sealed class AdapterTrainer
{
    private readonly TaskModel _task;
    private readonly Loss _loss;
    private readonly Optimizer _optimizer;

    /// <summary>A trainer; nothing is compiled yet.</summary>
    /// <param name="task">What is trained.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="optimizer">The update rule.</param>
    public AdapterTrainer(TaskModel task, Loss loss, Optimizer optimizer) => (_task, _loss, _optimizer) = (task, loss, optimizer);

    /// <summary>Trains. Cancelling ends the run in good order: the result holds the best parameters so far, and with a folder everything is
    /// written, the checkpoint included.</summary>
    /// <param name="data">Chips to train on and chips held out.</param>
    /// <param name="options">How long, how, and where to.</param>
    /// <param name="progress">Told the figures of the moment.</param>
    /// <param name="cancellation">Ends the run after the present step.</param>
    /// <returns>The adapter and the report.</returns>
    /// <exception cref="TrainingException">A batch is smaller than the task needs, the task cannot be compiled, a checkpoint belongs to another run, or the loss or a gradient is not
    /// finite (the message names the tensor; the last checkpoint stays).</exception>
    /// <exception cref="TrainingDataException">A chip cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the first step.</exception>
    public async Task<FitResult> FitAsync(TrainingData data, FitOptions options, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        RefuseSmallBatches(data);
        progress?.Report(new TrainingProgress { Stage = TrainingStage.Compiling, Epochs = options.Epochs });
        using var run = new TrainingRun(_task, _loss, _optimizer, data, options, progress);
        await run.TrainAsync(cancellation).ConfigureAwait(false);
        return run.Finish(cancellation.IsCancellationRequested);
    }

    /// <summary>BatchNorm's variance of a single value is zero: its output is the bias whatever the input, so nothing would be learned.</summary>
    private void RefuseSmallBatches(TrainingData data)
    {
        var rest = data.Loading.DropLast ? 0 : data.Training.Samples % data.Training.BatchSize;
        var smallest = rest == 0 ? data.Training.BatchSize : rest;
        if (smallest < _task.SmallestBatch)
        {
            throw new TrainingException($"The decoder normalises values pooled over the whole map and needs at least {_task.SmallestBatch} samples in every training batch, but {data.Training.Samples} samples in batches of {data.Training.BatchSize} leave a batch of {smallest}. Use another batch size, or drop the last batch of an epoch.");
        }
    }
}
