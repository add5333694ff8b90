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
        // Several LoRA methods share one file only when one rule of scaling holds for all of them.
        var methods = task.Peft?.Parts ?? [];
        var lora = methods.OfType<LoraOptions>().ToList();
        var oneAlpha = lora.Count > 0 && lora.TrueForAll(item => item.AlphaPattern.Count == 0 && item.Alpha == lora[0].Alpha && item.RankStabilized == lora[0].RankStabilized);
        var trainables = task.Trainables.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        return new AdapterFile
        {
            Tensors = task.WithoutReparametrization(tensors).ToDictionary(item => item.Key, item => !oneAlpha && LoraTensors.IsB(item.Key) ? trainables[item.Key].ForInference(item.Value) : item.Value, StringComparer.Ordinal),
            LoraAlpha = oneAlpha ? lora[0].Alpha : null,
            UseRslora = oneAlpha && lora[0].RankStabilized,
            LoraDropout = lora.Count == 0 ? 0 : lora[0].Dropout,
            ParallelScale = methods.OfType<BottleneckOptions>().FirstOrDefault(item => item.Placement == BottleneckPlacement.Parallel)?.Scale ?? 1,
            BaseSha256 = task.Manifest?.WeightsSha256,
            BaseName = task.Base?.Name,
            Manifest = task.Manifest,
        };
    }
}
