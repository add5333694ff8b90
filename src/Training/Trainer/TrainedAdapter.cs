using EoOnnx.Formats;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Trainer;

/// <summary>The adapter file of trained tensors.</summary>
internal static class TrainedAdapter
{
    /// <summary>An adapter for a task. LoRA keeps alpha beside an unscaled B where one alpha holds for all layers; else B is scaled.</summary>
    public static AdapterFile Make(TaskModel task, IReadOnlyDictionary<string, TensorData> tensors)
    {
        var lora = task.Peft as LoraOptions;
        var oneAlpha = lora is { AlphaPattern.Count: 0 };
        var scaled = lora is not null && !oneAlpha;
        var trainables = task.Trainables.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        return new AdapterFile
        {
            Tensors = tensors.ToDictionary(item => item.Key, item => scaled ? trainables[item.Key].ForInference(item.Value) : item.Value, StringComparer.Ordinal),
            LoraAlpha = oneAlpha ? lora!.Alpha : null,
            UseRslora = oneAlpha && lora!.RankStabilized,
            BaseSha256 = task.Manifest?.WeightsSha256,
            BaseName = task.Base?.Name,
            Manifest = task.Manifest,
        };
    }
}
