using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Peft;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>Runs the inference graph over held-out chips with the parameters of the moment.</summary>
internal sealed class Evaluator : IDisposable
{
    private const string ClassesName = "classes";

    private readonly TaskModel _task;
    private readonly IReadOnlyList<Value> _inputs;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly RunOptions _lastRun = ArenaShrinkage.Options();
    private readonly Dictionary<string, TrainableTensor> _trainables;

    public Evaluator(TaskModel task, Loss loss, Workspace workspace)
    {
        _task = task;
        var model = task.InferenceModel.Clone();
        var op = new GraphBuilder(model.Graph);
        // Optional inputs that batches fill are those that the training model takes without a default; others keep theirs.
        var filled = task.TrainingModel.Graph.Inputs.Where(input => input.Data is null).Select(input => input.Name).ToHashSet(StringComparer.Ordinal);
        var optional = (task.Manifest?.OptionalInputs ?? []).Select(input => input.Name).Where(name => !filled.Contains(name)).ToHashSet(StringComparer.Ordinal);
        _inputs = [.. model.Graph.Inputs.Where(input => input.Data is null || filled.Contains(input.Name))];
        var prediction = model.Graph.FindOutput(TaskModel.PredictionName)!;
        var target = op.Input(TrainingGraph.TargetName, loss.TargetType, loss.TargetShape(prediction.KnownShape));
        op.Output(loss.Build(op, prediction, target), TrainingGraph.LossName);
        if (loss.TargetType == ElementType.Int64)
        {
            op.Output(op.ArgMax(prediction, 1), ClassesName);
        }

        // Without their defaults parameters are plain inputs, and none can be forgotten.
        foreach (var input in model.Graph.Inputs.Where(input => input.Data is not null && !optional.Contains(input.Name)).ToList())
        {
            model.Graph.RemoveInitializer(input);
        }

        _session = workspace.Open("evaluation", model);
        _trainables = task.Trainables.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>What is predicted: the task of the manifest, or one that fits the targets.</summary>
    public ModelTask Task(TrainingData data) => _task.Manifest?.Task ?? (data.ValidationSamples.Target.HasClasses ? ModelTask.Segmentation : ModelTask.Regression);

    /// <summary>Loss and metrics over all batches.</summary>
    /// <param name="data">The chips.</param>
    /// <param name="slots">The parameters.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <param name="review">Looks at the predictions too; null does not.</param>
    /// <param name="release">True gives the memory of intermediate values back to the system after the last batch.</param>
    public async Task<ValidationReport> RunAsync(TrainingData data, NativeSlots slots, Action<double> progress, CancellationToken cancellation, ValidationReview? review = null, bool release = false)
    {
        var evaluation = new Evaluation(Task(data), data.ValidationSamples);
        var (lossSum, images) = (0.0, 0L);
        var (parameters, own) = Parameters(slots);
        try
        {
            await foreach (var batch in data.Validation.ReadAsync(0, 0, cancellation).ConfigureAwait(false))
            {
                using (batch)
                {
                    using var tensors = new BatchTensors(batch, _inputs);
                    var isLast = images + batch.Count >= data.Validation.Samples;
                    using var results = _session.Run(release && isLast ? _lastRun : _run, _session.InputNames, [.. _session.InputNames.Select(name => tensors.Find(name) ?? parameters[name])], _session.OutputNames);
                    var outputs = _session.OutputNames.Zip(results).ToDictionary(item => item.First, item => item.Second);
                    lossSum += outputs[TrainingGraph.LossName].GetTensorDataAsSpan<float>()[0] * (double)batch.Count;
                    images += batch.Count;
                    if (batch.Target.HasClasses)
                    {
                        var classes = Array.ConvertAll(outputs[ClassesName].GetTensorDataAsSpan<long>().ToArray(), value => (int)value);
                        evaluation.Add(classes, batch);
                        review?.Add(batch, outputs[TaskModel.PredictionName].GetTensorDataAsSpan<float>(), classes);
                    }
                    else
                    {
                        evaluation.Add(outputs[TaskModel.PredictionName].GetTensorDataAsSpan<float>(), batch);
                        review?.Add(batch, outputs[TaskModel.PredictionName].GetTensorDataAsSpan<float>());
                    }

                    progress(images / (double)data.Validation.Samples);
                }
            }
        }
        finally
        {
            own.ForEach(value => value.Dispose());
        }

        var names = _task.Manifest?.Classes.Select(item => item.Name).ToList();
        return new ValidationReport { Loss = lossSum / Math.Max(1, images), Metrics = evaluation.Named(names), Confusion = evaluation.Confusion?.ToRows() };
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
        _lastRun.Dispose();
    }

    /// <summary>Current parameters and buffers by name, and those among them that are copies: what inference takes scaled, or what is made of other tensors.</summary>
    private (Dictionary<string, OrtValue> All, List<OrtValue> Own) Parameters(NativeSlots slots)
    {
        var (all, own) = (new Dictionary<string, OrtValue>(StringComparer.Ordinal), new List<OrtValue>());
        foreach (var name in _session.InputNames)
        {
            if (slots.Evaluated(name) is { } value)
            {
                all[name] = _trainables.TryGetValue(name, out var tensor) && tensor.InferenceScale != 1 ? Own(tensor.ForInference(NativeTensor.Read(value))) : value;
            }
        }

        if (_task.Reparametrization is not null)
        {
            var trained = PrefixEncoder.Names.ToDictionary(name => name, name => NativeTensor.Read(slots.Evaluated(name)!), StringComparer.Ordinal);
            foreach (var (name, data) in _task.WithoutReparametrization(trained))
            {
                all[name] = Own(data);
            }
        }

        return (all, own);

        OrtValue Own(TensorData data)
        {
            var copy = NativeTensor.Copy(data);
            own.Add(copy);
            return copy;
        }
    }
}
