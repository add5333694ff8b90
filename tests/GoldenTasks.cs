using System.Text.Json;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Tests;

/// <summary>The TerraTorch tasks among the reference outputs.</summary>
internal static class GoldenTasks
{
    private const string Input = "x";

    /// <summary>Folder of a case; the running test is skipped, loudly, when it is absent.</summary>
    public static string Folder(string task) => SharedData.Require(Path.Combine(SharedData.Golden, "tasks", task));

    /// <summary>Attention heads of a task's encoder where its checkpoint does not state them: what the family's cases of the same width have,
    /// else what all of them have; null when the task states them itself, or the cases do not say one number.</summary>
    public static int? Heads(string task)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder(task), "config.json")));
        var arguments = config.RootElement.GetProperty("model_args");
        if (arguments.TryGetProperty("backbone_num_heads", out _))
        {
            return null;
        }

        var family = arguments.GetProperty("backbone").GetString()!.Split('_')[0];
        var stated = SharedData.Cases(family).Select(name => SizesOf(Path.Combine(SharedData.Golden, family, name, "config.json"))).OfType<(int Width, int Heads)>().ToList();
        var width = Width(Checkpoint.Open(Path.Combine(Folder(task), "task.ckpt")).Weights);
        return One(stated.Where(sizes => sizes.Width == width)) ?? One(stated);
    }

    /// <summary>The case's inputs, under the names of the model's.</summary>
    public static (string Name, TensorData Data)[] Inputs(IReadOnlyDictionary<string, TensorData> golden, OnnxModel model) =>
        [.. model.Graph.Inputs.Where(input => golden.ContainsKey($"{Input}.{input.Name}") || (golden.ContainsKey(Input) && input.Name == "image"))
            .Select(input => (input.Name, golden.GetValueOrDefault($"{Input}.{input.Name}") ?? golden[Input]))];

    private static int? One(IEnumerable<(int Width, int Heads)> sizes) => sizes.Select(item => item.Heads).Distinct().ToList() is [var heads] ? heads : null;

    private static long? Width(StateDict weights) => weights.Names.FirstOrDefault(name => name.EndsWith(".0.norm1.weight", StringComparison.Ordinal)) is { } norm ? weights.Peek(norm)!.Shape[0] : null;

    private static (int Width, int Heads)? SizesOf(string config)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(config));
        var sizes = document.RootElement;
        return sizes.TryGetProperty("num_heads", out var heads) && (sizes.TryGetProperty("embed_dim", out var width) || sizes.TryGetProperty("dim", out width))
            ? (width.GetInt32(), heads.GetInt32()) : null;
    }
}
