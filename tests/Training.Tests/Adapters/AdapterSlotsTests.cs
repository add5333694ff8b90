using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Merging;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Tests.Adapters;

/// <summary>Slots for adapters that were trained elsewhere.</summary>
public sealed class AdapterSlotsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-slots-").FullName;

    public static TheoryData<string> Methods => ["LoRA", "two ranks", "DoRA", "bias", "IA3"];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Methods))]
    public void A_model_with_slots_and_the_adapter_predicts_what_the_trained_model_does(string method)
    {
        var (model, task, adapter) = Trained(method);
        var slotted = AdapterSlots.Add(model, adapter);
        var expected = Ort.Run(task.InferenceModel, [Image(), .. task.Trainables.Select(tensor => (tensor.Name, tensor.ForInference(adapter.Tensors[tensor.Name])))])[TaskModel.PredictionName];
        var actual = Ort.Run(slotted, [Image(), .. adapter.ToOnnxAdapter().Tensors.Select(tensor => (tensor.Key, tensor.Value))]).Single().Value;
        Close(expected, actual);
        var merged = AdapterMerge.Merge(slotted, adapter).Model;
        Assert.Single(merged.Graph.Inputs);
        Close(expected, Ort.Run(merged, Image()).Single().Value);
    }

    [Fact]
    public void Slots_change_nothing_until_they_are_filled()
    {
        var (model, _, adapter) = Trained("LoRA");
        Close(Ort.Run(model, Image()).Single().Value, Ort.Run(AdapterSlots.Add(model, adapter), Image()).Single().Value);
    }

    [Fact]
    public void Model_and_adapter_are_written_side_by_side_or_merged_into_one()
    {
        var (model, _, adapter) = Trained("LoRA");
        var files = AdaptedModelFiles.Write(model, adapter, Path.Combine(_folder, "a.onnx"), merge: false);
        Assert.Equal(adapter.Tensors.Keys.Order(StringComparer.Ordinal), AdapterFile.Open(files.Adapter!).Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(adapter.Tensors.Count, OnnxAdapterFile.Open(files.OnnxAdapter!).Tensors.Count);
        Assert.Equal(1 + adapter.Tensors.Count, OnnxModel.Load(files.Model).Graph.Inputs.Count);
        Assert.Null(AdaptedModelFiles.Write(model, adapter, Path.Combine(_folder, "b.onnx"), merge: true).Adapter);
        Assert.Single(OnnxModel.Load(Path.Combine(_folder, "b.onnx")).Graph.Inputs);
    }

    [Fact]
    public void Tensors_that_no_slot_is_made_for_are_refused_by_name()
    {
        var (model, _, adapter) = Trained("LoRA");
        var more = adapter with { Tensors = new Dictionary<string, TensorData>(adapter.Tensors) { ["blocks.0.norm1.weight"] = RandomTensors.Constant([24], 1) } };
        Assert.Contains("blocks.0.norm1.weight", Assert.Throws<AdapterException>(() => AdapterSlots.Add(model, more)).Message, StringComparison.Ordinal);
        var none = adapter with { Tensors = new Dictionary<string, TensorData> { ["blocks.0.norm1.weight"] = RandomTensors.Constant([24], 1) } };
        Assert.Contains("neither LoRA nor IA3", Assert.Throws<AdapterException>(() => AdapterSlots.Add(model, none)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused()
    {
        var (model, _, adapter) = Trained("LoRA");
        Assert.Throws<AdapterException>(() => AdapterSlots.Add(model, adapter with { BaseSha256 = new string('0', 64) }));
    }

    /// <summary>A plain model with one output, the same with an adapter in it, and the adapter with random values.</summary>
    private static (OnnxModel Model, TaskModel Task, AdapterFile Adapter) Trained(string method)
    {
        var model = TestEncoder.Build();
        model.Graph.SetOutputs(model.Graph.Outputs[^1]);
        PeftOptions peft = method switch
        {
            "two ranks" => new LoraOptions { Targets = ["attn.qkv:q,v", "mlp.fc1"], Rank = 3, RankPattern = new Dictionary<string, int> { [@"mlp\.fc1"] = 5 }, Alpha = 6 },
            "DoRA" => new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 3, Alpha = 6, Dora = true },
            "bias" => new LoraOptions { Targets = ["attn.proj"], Rank = 3, Alpha = 6, LoraBias = true },
            "IA3" => new Ia3Options { Targets = ["attn.qkv:k,v", "mlp.fc2"], FeedForward = ["mlp.fc2"] },
            _ => new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 3, Alpha = 6 },
        };
        var task = TaskModel.Adapt(model, peft);
        var tensors = task.Trainables.ToDictionary(tensor => tensor.Name, tensor => RandomTensors.Uniform(9, tensor.Name, task.TrainingModel.Graph.FindInput(tensor.Name)!.Data!.Shape.AsSpan(), 0.3));
        return (model, task, new AdapterFile { Tensors = tensors, LoraAlpha = (peft as LoraOptions)?.Alpha });
    }

    private static (string Name, TensorData Data) Image() => ("image", RandomTensors.Uniform(1, "image", [2, 3, 32, 32], 1));

    private static void Close(TensorData expected, TensorData actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.ToSingles(), actual.ToSingles());
        Assert.True(a.Zip(b, (x, y) => MathF.Abs(x - y)).Max() <= 1e-5f * a.Max(MathF.Abs), "outputs differ");
    }
}
