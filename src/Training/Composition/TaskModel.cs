using EoOnnx.Onnx;

namespace EoOnnx.Training.Composition;

/// <summary>
/// A task to be trained: an encoder with adapters in it and a head or decoder behind it, as forward graphs whose trainable tensors
/// are overridable inputs that hold the untrained values.
/// </summary>
public sealed class TaskModel
{
    /// <summary>Name of the output that the loss is computed from.</summary>
    public const string PredictionName = "logits";

    internal TaskModel(OnnxModel trainingModel, IReadOnlyList<string> trainables, IReadOnlyList<string>? buffers = null) =>
        (TrainingModel, Trainables, Buffers) = (trainingModel, trainables, buffers ?? []);

    /// <summary>The forward graph as it is trained: adapters with their scaling as a constant, BatchNorm with batch statistics.
    /// Its output is <c>logits</c>.</summary>
    public OnnxModel TrainingModel { get; }

    /// <summary>Names of the trainable tensors, in the order of the graph's inputs. Each has the orientation of the reference
    /// implementation ([out, in] for linear layers), whatever the graph stores for frozen ones.</summary>
    public IReadOnlyList<string> Trainables { get; }

    /// <summary>Names of tensors that training updates without a gradient (running statistics): inputs NAME whose next value is the
    /// training model's output <c>NAME.next</c>.</summary>
    public IReadOnlyList<string> Buffers { get; }
}
