using EoOnnx.Formats;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;

namespace EoOnnx.Training.Trainer;

/// <summary>What a run gives.</summary>
/// <param name="Adapter">The trained tensors of the best epoch, with recipe, metrics and the identity of the base.</param>
/// <param name="Report">What happened.</param>
public sealed record FitResult(AdapterFile Adapter, TrainingReport Report)
{
    /// <summary>Writes <c>model.onnx</c> (the task with slots for adapters), <c>adapter.safetensors</c>, <c>adapter.onnx_adapter</c> and
    /// <c>report.json</c>, each atomically.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public void Write(TaskModel task, string folder)
    {
        Directory.CreateDirectory(folder);
        task.InferenceModel.Save(Path.Combine(folder, "model.onnx"));
        Adapter.Write(Path.Combine(folder, "adapter.safetensors"));
        Adapter.ToOnnxAdapter().Write(Path.Combine(folder, "adapter.onnx_adapter"));
        AtomicFile.WriteText(Path.Combine(folder, "report.json"), Report.ToJson());
    }
}
