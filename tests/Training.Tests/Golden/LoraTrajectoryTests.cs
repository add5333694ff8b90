using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>Whole training runs of PEFT, step by step, against our compiled graph on ONNX Runtime.</summary>
public class LoraTrajectoryTests
{
    private const double LearningRate = 1e-3;

    public static TheoryData<string> Cases => [.. SharedData.Cases("training", "lora").DefaultIfEmpty("absent")];

    private static string Folder => Path.Combine(SharedData.Golden, "training", "lora");

    [Theory, MemberData(nameof(Cases))]
    public void First_gradients_losses_and_final_parameters_agree_with_the_reference(string @case)
    {
        var (task, initial, folder) = Open(@case);
        using var run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        var losses = run.RootElement.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToList();
        var batches = SafetensorsFile.Open(Path.Combine(Folder, "batches.safetensors")).Tensors;

        var gradients = FirstGradients(task, initial, batches);
        var expectedGradients = SafetensorsFile.Open(Path.Combine(folder, "gradients_step1.safetensors")).Tensors;
        foreach (var (name, expected) in expectedGradients)
        {
            Close(expected, gradients[name], 1e-4, 1e-6, $"gradient of {name}");
        }

        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(LearningRate));
        using var options = Ort.Quiet;
        using var session = new InferenceSession(graph.Step.ToBytes(), options);
        var state = graph.Slots.Select(slot => slot.Kind == TrainingSlotKind.Parameter ? initial[slot.Name] : slot.Initial).ToList();
        for (var step = 0; step < losses.Count; step++)
        {
            var outputs = Ort.Run(session, [.. Batch(batches, step), .. graph.Slots.Select((slot, i) => (slot.Name, state[i])),
                (TrainingGraph.ScalarsName, graph.Scalars(new OptimizerStep(step + 1, [LearningRate])))]);
            Assert.Equal(losses[step], outputs[TrainingGraph.LossName].ToSingles()[0], 1e-4);
            state = [.. graph.Slots.Select(slot => outputs[slot.Output])];
        }

        var final = SafetensorsFile.Open(Path.Combine(folder, "final.safetensors")).Tensors;
        Assert.Equal(final.Keys.Order(StringComparer.Ordinal), task.Trainables.Select(tensor => tensor.FileName).Order(StringComparer.Ordinal));
        for (var i = 0; i < graph.Parameters.Count; i++)
        {
            // The bias of k cancels in the softmax: its gradient is rounding noise, which Adam turns into steps of up to the learning rate.
            var name = task.Trainables[i].FileName;
            var isNoise = expectedGradients[name].ToSingles().Max(MathF.Abs) is > 0 and < 1e-7f;
            Close(final[name], state[i], 1e-3, isNoise ? LearningRate * losses.Count : 1e-5, $"final {name}");
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_inference_graph_with_the_trained_adapter_gives_the_reference_logits(string @case)
    {
        var (task, initial, folder) = Open(@case);
        var batches = SafetensorsFile.Open(Path.Combine(Folder, "batches.safetensors")).Tensors;
        var logits = SafetensorsFile.Open(Path.Combine(folder, "logits.safetensors")).Tensors;
        var final = SafetensorsFile.Open(Path.Combine(folder, "final.safetensors")).Tensors;
        var image = Batch(batches, 0)[0];
        foreach (var (expected, values) in new[] { ("logits_before_step1", initial), ("logits_after_last_step", task.Trainables.ToDictionary(tensor => tensor.Name, tensor => final[tensor.FileName])) })
        {
            var outputs = Ort.Run(task.InferenceModel, [image, .. task.Trainables.Select(tensor => (tensor.Name, tensor.ForInference(values[tensor.Name])))]);
            Close(logits[expected], outputs[TaskModel.PredictionName], 1e-4, 1e-5, expected);
        }
    }

    /// <summary>The task of a case, and its initial values by the name of the graph input.</summary>
    private static (TaskModel Task, Dictionary<string, TensorData> Initial, string Folder) Open(string @case)
    {
        var folder = SharedData.Require(Path.Combine(Folder, @case));
        using var run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        var task = TaskModel.Adapt(TinyVisionTransformer.Build(Folder), Options(run.RootElement));
        var file = SafetensorsFile.Open(Path.Combine(folder, "initial.safetensors")).Tensors;
        return (task, task.Trainables.ToDictionary(tensor => tensor.Name, tensor => file[tensor.FileName]), folder);
    }

    private static PeftOptions Options(JsonElement run)
    {
        var config = run.GetProperty("config");
        string[] Texts(string name) => config.TryGetProperty(name, out var list) ? [.. list.EnumerateArray().Select(item => item.GetString()!)] : [];
        bool Flag(string name) => config.TryGetProperty(name, out var flag) && flag.GetBoolean();
        return run.GetProperty("method").GetString() switch
        {
            "LORA" => new LoraOptions
            {
                Targets = Texts("target_modules"), ModulesToSave = Texts("modules_to_save"),
                Rank = config.GetProperty("r").GetInt32(), Alpha = config.GetProperty("lora_alpha").GetDouble(),
                RankStabilized = Flag("use_rslora"), Dora = Flag("use_dora"),
                Bias = config.TryGetProperty("bias", out var bias) && bias.GetString() == "lora_only" ? BiasTraining.AdaptedLayers : BiasTraining.None,
            },
            "IA3" => new Ia3Options { Targets = Texts("target_modules"), FeedForward = Texts("feedforward_modules"), ModulesToSave = Texts("modules_to_save") },
            var other => throw new NotSupportedException(other),
        };
    }

    private static Dictionary<string, TensorData> FirstGradients(TaskModel task, Dictionary<string, TensorData> initial, IReadOnlyDictionary<string, TensorData> batches)
    {
        // Accumulating two micro-batches halves the gradient, exactly.
        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(LearningRate), new TrainingGraphOptions { Accumulation = 2 });
        var outputs = Ort.Run(graph.Step, [.. Batch(batches, 0), .. initial.Select(item => (item.Key, item.Value)), .. graph.GradientSums.Select(slot => (slot.Name, slot.Initial))]);
        return task.Trainables.Select((tensor, i) => (tensor, slot: graph.GradientSums[i])).ToDictionary(item => item.tensor.FileName, item =>
            TensorData.FromValues<float>(outputs[item.slot.Output].Shape.AsSpan(), Array.ConvertAll(outputs[item.slot.Output].ToSingles(), value => 2 * value)));
    }

    private static (string Name, TensorData Data)[] Batch(IReadOnlyDictionary<string, TensorData> batches, int step) =>
        [("image", Entry<float>(batches["images"], step)), (TrainingGraph.TargetName, Entry<long>(batches["labels"], step))];

    private static TensorData Entry<T>(TensorData all, int index) where T : unmanaged
    {
        long[] shape = [.. all.Shape.Skip(1)];
        var count = (int)TensorData.CountOf(shape);
        return TensorData.FromValues(shape, all.AsSpan<T>().Slice(index * count, count));
    }

    private static void Close(TensorData expected, TensorData actual, double relative, double absolute, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.ToSingles(), actual.ToSingles());
        for (var i = 0; i < a.Length; i++)
        {
            Assert.True(Math.Abs(a[i] - b[i]) <= absolute + (relative * Math.Abs(a[i])), $"{what}[{i}]: expected {a[i]}, found {b[i]}.");
        }
    }
}
