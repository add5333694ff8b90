using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Runtime;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Merging;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Peft;

/// <summary>What holds for every method: how it starts, how it learns, and that its adapter means the same in every form.</summary>
public sealed class PeftMethodTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-peft-").FullName;

    public static TheoryData<string> Names => MethodCases.Names;

    public static TheoryData<string> Unchanging => MethodCases.Unchanging;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Unchanging))]
    public void An_untrained_adapter_leaves_the_prediction_as_it_was(string name)
    {
        var expected = Predict(Task(null).InferenceModel);
        Assert.InRange(MethodCases.Distance(expected, Predict(Task(MethodCases.All[name]).InferenceModel)), 0, 1e-6);
    }

    [Theory, MemberData(nameof(Names))]
    public void Training_and_inference_graphs_agree(string name)
    {
        var task = Task(MethodCases.All[name] is var peft && peft.Parts.Any(Drops) ? WithoutDropout(peft) : peft);
        var tensors = MethodCases.DisturbedTensors(task);
        var adapter = TrainedAdapter.Make(task, tensors);
        var trained = Predict(task.TrainingModel, [.. tensors.Select(tensor => (tensor.Key, tensor.Value))]);
        Assert.InRange(MethodCases.Distance(trained, Predict(task.InferenceModel, [.. adapter.ToOnnxAdapter().Tensors.Select(tensor => (tensor.Key, tensor.Value))])), 0, 1e-5);
        Assert.True(MethodCases.Distance(trained, Predict(task.InferenceModel)) > 1e-3, "the adapter changes nothing, so the test proves nothing");
    }

    [Theory, MemberData(nameof(Names))]
    public async Task A_few_steps_lower_the_loss_and_move_the_adapter_only(string name)
    {
        var task = Task(MethodCases.All[name]);
        var result = await Runs.Trainer(task, 0.02).FitAsync(Runs.Data(), new FitOptions { Epochs = 6 }, cancellation: TestContext.Current.CancellationToken);
        Assert.True(result.Report.Epochs[^1].TrainingLoss < result.Report.Epochs[0].TrainingLoss, $"{name}: {result.Report.Epochs[0].TrainingLoss} to {result.Report.Epochs[^1].TrainingLoss}");
        var slots = task.InferenceModel.Graph.Inputs.Where(input => input.Data is not null).Select(input => input.Name);
        Assert.Equal(slots.Order(StringComparer.Ordinal), result.Adapter.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Contains(result.Adapter.Tensors, tensor => !TrainableTensor.IsBehindEncoder(tensor.Key)
            && MethodCases.Distance(task.InferenceModel.Graph.FindInput(tensor.Key)!.Data!, task.Trainables.FirstOrDefault(item => item.Name == tensor.Key)?.ForInference(tensor.Value) ?? tensor.Value) > 1e-4);
        var frozen = TestEncoder.Build().Graph.Initializers.Where(value => task.InferenceModel.Graph.FindInput(value.Name) is null && task.InferenceModel.Graph.FindInitializer(value.Name) is not null).ToList();
        Assert.All(frozen, weight => Assert.Equal(weight.Data!.Bytes.ToArray(), task.InferenceModel.Graph.FindInitializer(weight.Name)!.Data!.Bytes.ToArray()));
    }

    [Theory, MemberData(nameof(Names))]
    public void Saved_loaded_swapped_in_and_merged_adapters_predict_the_same(string name)
    {
        var task = Task(MethodCases.All[name]);
        var adapter = MethodCases.Disturbed(task);
        var expected = Predict(task.InferenceModel, [.. adapter.ToOnnxAdapter().Tensors.Select(tensor => (tensor.Key, tensor.Value))]);
        var (model, file, native) = (Path.Combine(_folder, "model.onnx"), Path.Combine(_folder, "adapter.safetensors"), Path.Combine(_folder, "adapter.onnx_adapter"));
        task.InferenceModel.Save(model);
        adapter.Write(file);
        adapter.ToOnnxAdapter().Write(native);
        using (var loaded = EoModel.Load(model))
        {
            foreach (var path in new[] { file, native })
            {
                using var swapped = loaded.LoadAdapter(path);
                Assert.InRange(MethodCases.Distance(expected, loaded.Run(new Dictionary<string, TensorData> { ["image"] = Image }, [TaskModel.PredictionName], swapped, TestContext.Current.CancellationToken)[0]), 0, 1e-5);
            }
        }

        var (merged, report) = AdapterMerge.Merge(task.InferenceModel, AdapterFile.Open(file));
        Assert.Single(merged.Graph.Inputs);
        Assert.InRange(MethodCases.Distance(expected, Predict(merged)), 0, 1e-5);

        // What fits into no weight stays, under its own name; LoRA goes into the weights, those of convolutions too.
        Assert.Equal(adapter.Tensors.Keys.Where(IsBaked).Order(StringComparer.Ordinal), report.Baked.Where(tensor => !TrainableTensor.IsBehindEncoder(tensor)));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_model_without_slots_takes_the_adapter(string name)
    {
        if (MethodCases.All[name].Parts.Any(part => part is SelectiveOptions))
        {
            return;   // an encoder's own tensors are no slots that a plain model could be given
        }

        var model = TestEncoder.Build();
        model.Graph.SetOutputs(model.Graph.Outputs[^1]);
        var task = TaskModel.Adapt(model, MethodCases.All[name]);
        var adapter = MethodCases.Disturbed(task) with { BaseSha256 = null };
        var slots = adapter.ToOnnxAdapter().Tensors.Select(tensor => (tensor.Key, tensor.Value)).ToArray();
        var slotted = AdapterSlots.Add(model, adapter);
        Assert.Equal(model.Graph.Outputs.Select(output => output.Name), slotted.Graph.Outputs.Select(output => output.Name));
        Assert.InRange(MethodCases.Distance(Predict(task.InferenceModel, slots), Ort.Run(slotted, [("image", Image), .. slots]).Single().Value), 0, 1e-5);
    }

    private static bool IsBaked(string name) => BottleneckOptions.IsTensor(name) || PrefixOptions.IsTensor(name) || PromptOptions.IsTensor(name);

    private static bool Drops(PeftOptions part) => part is LoraOptions { Dropout: > 0 } or BottleneckOptions { Dropout: > 0 } or PromptOptions { Dropout: > 0 };

    private static PeftOptions WithoutDropout(PeftOptions peft) => peft switch
    {
        LoraOptions lora => lora with { Dropout = 0 },
        BottleneckOptions bottleneck => bottleneck with { Dropout = 0 },
        PromptOptions prompts => prompts with { Dropout = 0 },
        _ => peft,
    };

    private static TaskModel Task(PeftOptions? peft) => TaskModel.Compose(TestEncoder.Build(), peft, new LinearDecoder { Upsampling = 1, Classes = 2 });

    private static TensorData Image => RandomTensors.Normal(9, "image", [2, 3, 32, 32], 1);

    private static TensorData Predict(OnnxModel model, params (string Name, TensorData Data)[] tensors) => Ort.Run(model, [("image", Image), .. tensors])[TaskModel.PredictionName];
}
