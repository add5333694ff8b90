using System.Text.Json;
using EoOnnx.Export.TerraTorch;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>Loss and gradients of whole TerraTorch tasks, with running statistics and without dropout, whatever loss they were trained with.</summary>
public class TaskGradientTests
{
    public static TheoryData<string> Cases => [.. SharedData.Cases("tasks").Where(HasGradients).DefaultIfEmpty("absent")];

    [Theory, MemberData(nameof(Cases))]
    public void Loss_and_gradients_of_adapter_necks_decoder_and_head_agree_with_the_reference(string @case) => Compare(@case, Recompute.Nothing);

    [Theory, MemberData(nameof(Cases))]
    public void They_agree_when_values_are_computed_again_instead_of_kept(string @case) => Compare(@case, Recompute.Products);

    private static void Compare(string @case, Recompute recompute)
    {
        var folder = GoldenTasks.Folder(@case);
        var golden = SafetensorsFile.Open(Path.Combine(folder, "io.safetensors")).Tensors;
        var task = TerraTorchExport.FromCheckpoint(Path.Combine(folder, "task.ckpt"), new TerraTorchOptions { Raw = true, Heads = GoldenTasks.Heads(@case) });
        var adapter = task.Adapter is null ? null : new AdapterFile { Tensors = task.Adapter.Tensors, LoraAlpha = task.Adapter.LoraAlpha, UseRslora = task.Adapter.UseRslora, BaseSha256 = task.Exported.Manifest.WeightsSha256 };
        var model = adapter is null ? task.Exported.Model : AdapterSlots.Add(task.Exported.Model, adapter);
        var slots = adapter?.ToOnnxAdapter().Tensors;
        var op = new GraphBuilder(model.Graph);
        var loss = LossOf(@case, task.Exported.Manifest.NoDataLabel);
        var prediction = model.Graph.FindOutput("logits")!;
        var target = op.Input("target", loss.TargetType, loss.TargetShape(prediction.KnownShape));
        var objective = loss.Build(op, prediction, target);
        var names = golden.Keys.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        var parameters = names.Select(name => Parameter(name["grad.".Length..])).ToList();
        var gradients = Backpropagation.Run(op, objective, parameters, recompute: recompute);
        model.Graph.SetOutputs();
        op.Output(objective, "loss");
        for (var i = 0; i < names.Count; i++)
        {
            op.Output(gradients[i]!, names[i]);
        }

        var labels = loss.TargetType == ElementType.Float ? TensorData.FromValues<float>([golden["target"].Shape[0], prediction.KnownShape[1].Value!.Value, .. golden["target"].Shape.Skip(1)], golden["target"].ToSingles()) : golden["target"];
        var results = Ort.Run(model, [.. GoldenTasks.Inputs(golden, model), ("target", labels), .. (slots ?? new Dictionary<string, TensorData>()).Select(slot => (slot.Key, slot.Value))]);
        Assert.Equal(golden["loss"].ToSingles()[0], results["loss"].ToSingles()[0], 1e-4 * Math.Max(1e-3, Math.Abs(golden["loss"].ToSingles()[0])));
        Assert.NotEmpty(names);
        Assert.All(names, name => Close(golden[name], name.Contains(".lora_B.", StringComparison.Ordinal) ? Scaled(results[name]) : results[name], name));

        Value Parameter(string name)
        {
            var plain = name.Replace(".default.", ".", StringComparison.Ordinal);
            return model.Graph.FindInitializer(name) ?? model.Graph.FindInput(slots!.Keys.Single(slot => plain.EndsWith($".{slot}", StringComparison.Ordinal)))!;
        }

        // The slot takes s·B, so that the gradient for B is s times the slot's.
        TensorData Scaled(TensorData gradient)
        {
            var rank = gradient.Shape[1];
            return LoraTensors.Scaled(gradient, adapter!.LoraAlpha!.Value / (adapter.UseRslora ? Math.Sqrt(rank) : rank));
        }
    }

    private static Loss LossOf(string @case, int? ignored)
    {
        var name = Argument(@case, "loss");
        return name switch
        {
            "ce" => Loss.CrossEntropy(ignored),
            "dice" => Loss.Dice(ignored),
            "jaccard" => Loss.Jaccard(ignored),
            "focal" => Loss.Focal(ignored),
            "lovasz" => Loss.Lovasz(ignored),
            "bce" => Loss.BinaryCrossEntropy(),
            "balanced_bce" => Loss.BinaryCrossEntropy(balanced: true),
            "mse" => Loss.MeanSquaredError(ignored),
            "mae" => Loss.MeanAbsoluteError(ignored),
            "huber" => Loss.Huber(ignored),
            "rmse" => Loss.RootMeanSquaredError(ignored, asTerraTorch: true),
            _ => throw new InvalidDataException($"{@case} was trained with the loss '{name}', which is not known here."),
        };
    }

    private static bool HasGradients(string @case)
    {
        using var config = Config(@case);
        return config.RootElement.GetProperty("shapes").TryGetProperty("loss", out _);
    }

    private static string Argument(string @case, string name)
    {
        using var config = Config(@case);
        return config.RootElement.GetProperty("task_args").GetProperty(name).GetString()!;
    }

    private static JsonDocument Config(string @case) => JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Golden, "tasks", @case, "config.json")));

    private static void Close(TensorData expected, TensorData actual, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.ToSingles(), actual.ToSingles());
        var (size, distance) = (a.Max(MathF.Abs), a.Zip(b, (x, y) => MathF.Abs(x - y)).Max());
        Assert.True(distance <= (1e-4f * size) + 1e-6f, $"{what}: differs by {distance} of {size}.");
    }
}
