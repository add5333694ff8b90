using System.Globalization;
using System.Text.RegularExpressions;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Recipes;

/// <summary>The groups of trainable tensors that have a learning rate or weight decay of their own.</summary>
/// <param name="Groups">The groups, for the compiler.</param>
/// <param name="LearningRates">The learning rate of each by its name.</param>
internal sealed partial record ParameterGroups(IReadOnlyList<ParameterGroup> Groups, IReadOnlyDictionary<string, double> LearningRates)
{
    private static readonly string[] Undecayed = ["pos_embed", "cls_token", "mask_token", "dist_token", "reg_token", "register_tokens"];

    /// <summary>The groups of a recipe: decoder and head apart when they have a rate of their own, or one a layer.</summary>
    /// <exception cref="TrainingException">Layers are asked for, and the encoder has no numbered blocks.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The decay from layer to layer is not over 0 and at most 1.</exception>
    public static ParameterGroups Of(TaskModel task, OptimizerRecipe recipe)
    {
        if (recipe.LayerDecay is { } decay)
        {
            return Layered(task, recipe, decay is > 0 and <= 1 ? decay
                : throw new ArgumentOutOfRangeException(nameof(recipe), decay, "The decay from layer to layer must be over 0 and at most 1; 0.65 to 0.9 is usual."));
        }

        const string head = "head";
        return recipe.HeadLearningRate is { } rate
            ? new ParameterGroups([new ParameterGroup(head, TrainableTensor.IsBehindEncoder)], new Dictionary<string, double> { [head] = rate })
            : new ParameterGroups([], new Dictionary<string, double>());
    }

    /// <summary>Layer 0 for embeddings, i + 1 for block i, L + 1 for what stands behind the blocks, the decoder and the head; lr·γ^(L + 1 − layer)
    /// (BEiT, Bao et al. 2022).</summary>
    private static ParameterGroups Layered(TaskModel task, OptimizerRecipe recipe, double decay)
    {
        var graph = task.TrainingModel.Graph;
        var names = graph.Initializers.Select(value => value.Name).Concat(task.Trainables.Select(tensor => tensor.Name));
        var blocks = names.Where(name => !TrainableTensor.IsBehindEncoder(name)).Select(BlockOf).OfType<string>().Distinct().OrderBy(Numbers, Comparer<int[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))).ToList();
        if (blocks.Count == 0)
        {
            throw new TrainingException($"A decay from layer to layer needs numbered blocks, such as blocks.11.mlp.fc1.weight; the encoder's tensors are {string.Join(", ", graph.Initializers.Take(4).Select(value => value.Name))}, …. Leave out --layer-decay.");
        }

        var (groups, rates) = (new List<ParameterGroup>(), new Dictionary<string, double>(StringComparer.Ordinal));
        foreach (var group in task.Trainables.GroupBy(tensor => (Layer: LayerOf(tensor.Name, blocks), Decays: Decays(tensor.Name, graph.FindInput(tensor.Name)!.Data!.Shape.Length))).OrderBy(group => group.Key))
        {
            var members = group.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
            var name = string.Create(CultureInfo.InvariantCulture, $"layer {group.Key.Layer}{(group.Key.Decays ? "" : " without decay")}");
            groups.Add(new ParameterGroup(name, members.Contains) { WeightDecay = group.Key.Decays ? null : 0 });
            rates[name] = group.Key.Layer > blocks.Count ? recipe.HeadLearningRate ?? recipe.LearningRate : recipe.LearningRate * Math.Pow(decay, blocks.Count + 1 - group.Key.Layer);
        }

        return new ParameterGroups(groups, rates);
    }

    private static int LayerOf(string name, List<string> blocks) => TrainableTensor.IsBehindEncoder(name) ? blocks.Count + 1
        : BlockOf(name) is { } block ? blocks.IndexOf(block) + 1
        : DeepPrompt().Match(name) is { Success: true } prompt ? Math.Min(blocks.Count, int.Parse(prompt.Groups[1].ValueSpan, CultureInfo.InvariantCulture) + 1)
        : NormOptions.IsNorm(name) && !name.Contains("embed", StringComparison.Ordinal) ? blocks.Count + 1
        : 0;

    private static bool Decays(string name, int rank) => rank > 1 && !TargetPattern.EndsWith(name, "bias") && !name.Split('.').Any(Undecayed.Contains);

    /// <summary>The path of the block that a tensor of the encoder lies in, as <c>blocks.3</c>, <c>layers.2.blocks.0</c> or <c>layer1.0</c>.</summary>
    private static string? BlockOf(string name) => name.Contains("embed", StringComparison.Ordinal) ? null : Block().Match(name) is { Success: true } match ? match.Value : null;

    private static int[] Numbers(string path) => [.. Number().Matches(path).Select(match => int.Parse(match.ValueSpan, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"^(?:[a-z_]+\.)*?(?:layers\.\d{1,4}\.blocks|blocks|layers|encoder|layer\d{1,4})\.\d{1,4}(?=\.)", RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"^vpt_prompt_embeddings\.(\d{1,4})$", RegexOptions.CultureInvariant)]
    private static partial Regex DeepPrompt();

    [GeneratedRegex(@"\d+", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
