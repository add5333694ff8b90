using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>Runs the compiled step on ONNX Runtime; parameters and state stay in native memory.</summary>
internal sealed class StepRunner : IDisposable
{
    private readonly TrainingGraph _graph;
    private readonly InferenceSession _step;
    private readonly InferenceSession? _update;
    private readonly RunOptions _run = new();
    private readonly RunOptions _lastRun = ArenaShrinkage.Options();
    private readonly OrtValue _loss = NativeTensor.Allocate(ElementType.Float, []);
    private readonly OrtValue _squares;

    public StepRunner(TrainingGraph graph, Workspace workspace)
    {
        _graph = graph;
        Slots = new NativeSlots([.. graph.Slots, .. graph.GradientSums]);
        _squares = NativeTensor.Allocate(ElementType.Float, [graph.Parameters.Count]);
        _step = workspace.Open("step", graph.Step);
        _update = graph.Update is null ? null : workspace.Open("update", graph.Update);
    }

    /// <summary>Parameters, optimizer state, buffers and gradient sums.</summary>
    public NativeSlots Slots { get; }

    /// <summary>Runs one micro-batch and, unless gradients are added up, the optimizer's step with it; returns the loss.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="part">Samples that go through together where the graph takes batches in parts.</param>
    /// <param name="step">Number, rates and momentum.</param>
    /// <param name="release">True gives the memory of intermediate values back to the system afterwards.</param>
    /// <exception cref="TrainingException">The loss or a gradient is not finite; parameters and state are as before the step.</exception>
    public double Run(Batch batch, int part, OptimizerStep step, bool release = false)
    {
        if (_graph.PartWeights is { } weights)
        {
            return RunParts(batch, part, weights, step, release);
        }

        using var scalars = NativeTensor.Copy(_graph.Scalars(step));
        using var tensors = new BatchTensors(batch, _graph.DataInputs);
        return Execute(tensors, scalars, null, step, release);
    }

    /// <summary>Where gradients are added up: the optimizer's step from their sums.</summary>
    /// <exception cref="TrainingException">A gradient is not finite; parameters and state are as before the step.</exception>
    public void Update(OptimizerStep step)
    {
        using var scalars = NativeTensor.Copy(_graph.Scalars(step));
        Execute(_update!, null, scalars, null, _run);
        Guard(0, step.Step, hasGradients: true, null);
        Slots.Accept(_update!.OutputNames);
        Slots.Reset(TrainingSlotKind.GradientSum);
    }

    public void Dispose()
    {
        _step.Dispose();
        _update?.Dispose();
        Slots.Dispose();
        _run.Dispose();
        _lastRun.Dispose();
        _loss.Dispose();
        _squares.Dispose();
    }

    // Parts whose targets have no weight add nothing to the loss or its gradient and are not computed.
    private double RunParts(Batch batch, int part, TargetWeights weights, OptimizerStep step, bool release)
    {
        var count = (batch.Count + part - 1) / part;
        var parts = Enumerable.Range(0, count).Select(i => (First: i * batch.Count / count, Next: (i + 1) * batch.Count / count))
            .Select(range => (range.First, Count: range.Next - range.First, Weight: Weight(range.First, range.Next - range.First))).Where(range => range.Weight != 0).ToList();
        var (total, loss) = (parts.Sum(range => range.Weight), 0.0);
        for (var i = 0; i < parts.Count; i++)
        {
            var share = parts[i].Weight / total;
            using var shares = NativeTensor.Copy(TensorData.FromValues<float>([], [(float)(share / _graph.Accumulation)]));
            using var tensors = new BatchTensors(batch, _graph.DataInputs, parts[i].First, parts[i].Count);
            loss += share * Execute(tensors, null, shares, step, release && i == parts.Count - 1);
        }

        return loss;

        double Weight(int first, int count) => batch.Target.HasClasses
            ? weights.Of(batch.Classes.Span.Slice(first * batch.LabelLength, count * batch.LabelLength))
            : weights.Of(batch.Values.Span.Slice(first * batch.LabelLength, count * batch.LabelLength));
    }

    private double Execute(BatchTensors batch, OrtValue? scalars, OrtValue? share, OptimizerStep step, bool release)
    {
        Execute(_step, batch, scalars, share, release ? _lastRun : _run);
        var loss = _loss.GetTensorDataAsSpan<float>()[0];
        Guard(loss, step.Step, hasGradients: _update is null, batch);
        Slots.Accept(_step.OutputNames);
        return loss;
    }

    private void Execute(InferenceSession session, BatchTensors? batch, OrtValue? scalars, OrtValue? share, RunOptions run)
    {
        var inputs = session.InputNames.Select(name => Slots.Current(name) ?? batch?.Find(name) ?? (name == TrainingGraph.ScalarsName ? scalars : name == TrainingGraph.ShareName ? share : null)
            ?? throw new TrainingException($"The training graph takes an input {name} that the data does not give.")).ToList();
        var outputs = session.OutputNames.Select(name => Slots.Next(name) ?? (name == TrainingGraph.LossName ? _loss : _squares)).ToList();
        session.Run(run, session.InputNames, inputs, session.OutputNames, outputs);
    }

    private void Guard(float loss, long step, bool hasGradients, BatchTensors? batch)
    {
        var bad = -1;
        if (hasGradients)
        {
            var squares = _squares.GetTensorDataAsSpan<float>();
            for (var i = 0; i < squares.Length && bad < 0; i++)
            {
                bad = float.IsFinite(squares[i]) ? -1 : i;
            }
        }

        if (float.IsFinite(loss) && bad < 0)
        {
            return;
        }

        var what = batch?.FirstNotFinite() is { } chip ? $"the image of chip '{chip}' holds a value that is not finite"
            : bad >= 0 ? $"the first gradient that is not finite is that of {_graph.Parameters[bad].Name}"
            : "all gradients are finite";
        throw new TrainingException(string.Create(CultureInfo.InvariantCulture,
            $"Training broke at step {step}: the loss is {loss}; {what}. Lower the learning rate, clip gradients, or check the data with 'eoonnx stats'."));
    }
}
