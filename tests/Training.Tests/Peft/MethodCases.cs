using EoOnnx.Formats;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Peft;

/// <summary>The methods that add tensors of their own to the blocks, alone and together, and values for them.</summary>
internal static class MethodCases
{
    public static IReadOnlyDictionary<string, PeftOptions> All { get; } = new Dictionary<string, PeftOptions>
    {
        ["houlsby"] = new BottleneckOptions { Width = 5 },
        ["pfeiffer"] = new BottleneckOptions { Width = 3, Placement = BottleneckPlacement.Pfeiffer, Dropout = 0.1 },
        ["parallel"] = new BottleneckOptions { Width = 4, Placement = BottleneckPlacement.Parallel, Scale = 0.3 },
        ["prefix"] = new PrefixOptions { Length = 3 },
        ["prefix through a network"] = new PrefixOptions { Length = 3, Reparametrization = 7 },
        ["deep prompts"] = new PromptOptions { Prompts = 4, Dropout = 0.1 },
        ["shallow prompts"] = new PromptOptions { Prompts = 2, Deep = false },
        ["lora on the patch embedding"] = new LoraOptions { Targets = ["patch_embed.proj", "mlp.fc1"], Rank = 3, Alpha = 5, LoraBias = true, RankPattern = new Dictionary<string, int> { ["fc1"] = 2 }, Dropout = 0.1 },
        ["rslora with layers of their own alpha"] = new LoraOptions { Targets = ["patch_embed.proj", "attn.qkv:q,v"], Rank = 4, RankStabilized = true, AlphaPattern = new Dictionary<string, double> { ["patch_embed.proj"] = 3 } },
        ["dora with dropout"] = new LoraOptions { Targets = ["attn.qkv:q,v", "mlp.fc2"], Rank = 2, Dora = true, Dropout = 0.2 },
        ["lora, biases and norms"] = new CombinedOptions { Methods = [new NormOptions(), new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 2 }, new BiasOptions()] },
        ["everything"] = new CombinedOptions
        {
            Methods =
            [
                new LoraOptions { Targets = ["attn.qkv:q,v", "patch_embed.proj"], Rank = 2, Alpha = 3 }, new Ia3Options { Targets = ["mlp.fc2"] }, new BottleneckOptions { Width = 3, Placement = BottleneckPlacement.Parallel },
                new PrefixOptions { Length = 2 }, new PromptOptions { Prompts = 3 }, new NormOptions(),
            ],
        },
    };

    public static TheoryData<string> Names => [.. All.Keys];

    /// <summary>Methods whose untrained tensors change nothing, by their definition.</summary>
    public static TheoryData<string> Unchanging => [.. All.Keys.Where(name => !name.Contains("pr", StringComparison.Ordinal) && name != "everything")];

    public static AdapterFile Disturbed(TaskModel task, double deviation = 0.2) => TrainedAdapter.Make(task, DisturbedTensors(task, deviation));

    public static Dictionary<string, TensorData> DisturbedTensors(TaskModel task, double deviation = 0.2) => task.Trainables.ToDictionary(tensor => tensor.Name, tensor =>
    {
        var untrained = task.TrainingModel.Graph.FindInput(tensor.Name)!.Data!;
        var noise = RandomTensors.Normal(11, tensor.Name, untrained.Shape.AsSpan(), deviation).ToSingles();
        return TensorData.FromValues<float>(untrained.Shape.AsSpan(), [.. untrained.ToSingles().Zip(noise, (a, b) => a + b)]);
    });

    public static double Distance(TensorData a, TensorData b)
    {
        Assert.Equal(a.Shape, b.Shape);
        var (x, y) = (a.ToSingles(), b.ToSingles());
        return x.Zip(y, (p, q) => Math.Abs(p - q)).Max() / Math.Max(1e-30, x.Max(Math.Abs));
    }
}
