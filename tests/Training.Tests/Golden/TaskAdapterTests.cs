using EoOnnx.Export.TerraTorch;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Merging;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>TerraTorch tasks whose encoder was trained with PEFT: base and adapter, and merged, against the reference's output.</summary>
public class TaskAdapterTests
{
    public static TheoryData<string> Cases => [.. SharedData.Cases("tasks").DefaultIfEmpty("absent")];

    [Theory, MemberData(nameof(Cases))]
    public void Base_and_adapter_and_the_merged_model_give_the_reference_output(string @case)
    {
        var folder = GoldenTasks.Folder(@case);
        var task = TerraTorchExport.FromCheckpoint(Path.Combine(folder, "task.ckpt"), new TerraTorchOptions { Raw = true, Heads = GoldenTasks.Heads(@case) });
        if (task.Adapter is null)
        {
            Assert.DoesNotContain(task.Exported.Model.Graph.Initializers, value => value.Name.Contains("lora_", StringComparison.Ordinal));
            return;
        }

        var golden = SafetensorsFile.Open(Path.Combine(folder, "io.safetensors")).Tensors;
        var adapter = new AdapterFile { Tensors = task.Adapter.Tensors, LoraAlpha = task.Adapter.LoraAlpha, UseRslora = task.Adapter.UseRslora, BaseSha256 = task.Exported.Manifest.WeightsSha256 };
        var slotted = AdapterSlots.Add(task.Exported.Model, adapter);
        var images = GoldenTasks.Inputs(golden, task.Exported.Model);
        var adapted = Ort.Run(slotted, [.. images, .. adapter.ToOnnxAdapter().Tensors.Select(tensor => (tensor.Key, tensor.Value))]).Single().Value;
        Close(golden["output"], adapted);
        var merged = AdapterMerge.Merge(slotted, adapter).Model;
        Assert.Equal(images.Select(image => image.Name), merged.Graph.Inputs.Select(input => input.Name));
        Close(golden["output"], Ort.Run(merged, images).Single().Value);
        var plain = Ort.Run(task.Exported.Model, images).Single().Value;
        Assert.True(Deviation(plain, adapted) > 1e-3, "the adapter changes nothing");
    }

    private static void Close(TensorData expected, TensorData actual) =>
        Assert.True(Deviation(expected, actual) <= 1e-4, $"relative deviation {Deviation(expected, actual):E2}, at most 1e-4 is allowed.");

    private static double Deviation(TensorData expected, TensorData actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var wanted = expected.ToSingles();
        return wanted.Zip(actual.ToSingles(), (a, b) => Math.Abs((double)a - b)).Max() / wanted.Max(value => Math.Abs((double)value));
    }
}
