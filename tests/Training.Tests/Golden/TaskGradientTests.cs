using System.Text.Json;
using EoOnnx.Export.TerraTorch;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>Loss and gradients of whole TerraTorch tasks that were trained with cross-entropy, with running statistics and without dropout.</summary>
public class TaskGradientTests
{
    public static TheoryData<string> Cases => [.. SharedData.Cases("tasks").Where(IsCrossEntropy).DefaultIfEmpty("absent")];

    [Theory, MemberData(nameof(Cases))]
    public void Loss_and_gradients_of_necks_decoder_and_head_agree_with_the_reference(string @case)
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Golden, "tasks", @case));
        var golden = SafetensorsFile.Open(Path.Combine(folder, "io.safetensors")).Tensors;
        var task = TerraTorchExport.FromCheckpoint(Path.Combine(folder, "task.ckpt"), new TerraTorchOptions { Raw = true });
        var graph = task.Exported.Model.Graph;
        var op = new GraphBuilder(graph);
        var loss = Loss.CrossEntropy(task.Exported.Manifest.NoDataLabel);
        var prediction = graph.FindOutput("logits")!;
        var target = op.Input("target", ElementType.Int64, loss.TargetShape(prediction.KnownShape));
        var objective = loss.Build(op, prediction, target);
        var names = golden.Keys.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        var parameters = names.Select(name => graph.FindInitializer(name["grad.".Length..])!).ToList();
        var gradients = Backpropagation.Run(op, objective, parameters);
        graph.SetOutputs();
        op.Output(objective, "loss");
        for (var i = 0; i < names.Count; i++)
        {
            op.Output(gradients[i]!, names[i]);
        }

        var results = Ort.Run(task.Exported.Model, ("image", golden["x"]), ("target", golden["target"]));
        Assert.Equal(golden["loss"].ToSingles()[0], results["loss"].ToSingles()[0], 1e-4);
        Assert.NotEmpty(names);
        Assert.All(names, name => Close(golden[name], results[name], name));
    }

    private static bool IsCrossEntropy(string @case)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Golden, "tasks", @case, "config.json")));
        return config.RootElement.GetProperty("task_args").GetProperty("loss").GetString() == "ce" && config.RootElement.GetProperty("shapes").TryGetProperty("loss", out _);
    }

    private static void Close(TensorData expected, TensorData actual, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.ToSingles(), actual.ToSingles());
        var (size, distance) = (a.Max(MathF.Abs), a.Zip(b, (x, y) => MathF.Abs(x - y)).Max());
        Assert.True(distance <= (1e-4f * size) + 1e-6f, $"{what}: differs by {distance} of {size}.");
    }
}
