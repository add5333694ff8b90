using System.Text.RegularExpressions;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Adapters;

/// <summary>
/// Gives a plain model the inputs that an adapter fills. Which layers carry one, their ranks and the method follow from the adapter's
/// tensors, so that an adapter trained elsewhere, with PEFT or TerraTorch, runs on a model that was exported without it.
/// </summary>
public static class AdapterSlots
{
    private const string Vector = ".ia3_l";
    private const string Magnitude = ".lora_magnitude_vector";

    /// <summary>A copy of a model with slots for an adapter. By default they hold untrained values, which change nothing; those of prefixes
    /// and prompts do.</summary>
    /// <param name="model">A model; it is not changed, its weights are shared. Its outputs keep their names.</param>
    /// <param name="adapter">The adapter: LoRA, DoRA, IA3, bottleneck adapters, prefixes, prompts, or several of them.</param>
    /// <exception cref="AdapterException">The adapter belongs to another base or holds tensors of another method.</exception>
    /// <exception cref="TrainingException">A tensor belongs to no linear layer of the model.</exception>
    public static OnnxModel Add(OnnxModel model, AdapterFile adapter)
    {
        var manifest = model.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json) : null;
        adapter.RequireBase(manifest?.WeightsSha256, manifest?.Name ?? model.Graph.Name);
        var copy = model.Clone();
        var graph = new PeftGraph(new GraphBuilder(copy.Graph), GraphForm.Inference, seed: 0);
        Options(adapter).Apply(graph);
        var added = graph.Trainables.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        if (adapter.Tensors.Keys.Order(StringComparer.Ordinal).FirstOrDefault(name => !added.Contains(name)) is { } spare)
        {
            throw new AdapterException($"The adapter's tensor '{spare}' fits no slot; slots are made for LoRA, DoRA, IA3, bottleneck adapters, prefixes and prompts, for example {string.Join(", ", added.Order(StringComparer.Ordinal).Take(2))}.");
        }

        foreach (var tensor in graph.Trainables)
        {
            copy.Graph.MoveInputToEnd(copy.Graph.FindInput(tensor.Name)!);
        }

        copy.Graph.RemoveUnused();
        copy.Graph.Sort();
        return copy;
    }

    private static CombinedOptions Options(AdapterFile adapter)
    {
        var names = adapter.Tensors.Keys.Order(StringComparer.Ordinal).ToList();
        var methods = new PeftOptions?[] { Prompts(adapter, names), Prefix(adapter, names), Bottleneck(adapter, names), Lora(adapter, names), Ia3(adapter, names) }.OfType<PeftOptions>().ToList();
        return methods.Count > 0 ? new CombinedOptions { Methods = methods } : throw new AdapterException(
            $"The adapter holds neither LoRA nor IA3 tensors, bottleneck adapters, prefixes or prompts ({string.Join(", ", names.Take(3))}); slots are made for these. Use the model that it was trained with.");
    }

    private static PromptOptions? Prompts(AdapterFile adapter, List<string> names) => names.Find(PromptOptions.IsTensor) is not { } name ? null
        : new PromptOptions { Prompts = Extent(adapter, name, 1), Deep = name != PromptOptions.ShallowName };

    private static PrefixOptions? Prefix(AdapterFile adapter, List<string> names) => names.Find(PrefixOptions.IsTensor) is { } name ? new PrefixOptions { Length = Extent(adapter, name, 0) } : null;

    private static BottleneckOptions? Bottleneck(AdapterFile adapter, List<string> names) => names.Find(name => BottleneckOptions.IsTensor(name) && name.EndsWith(".down.weight", StringComparison.Ordinal)) is not { } name ? null
        : new BottleneckOptions
        {
            Width = Extent(adapter, name, 0),
            Placement = name.Contains($".{BottleneckOptions.ParallelName}.", StringComparison.Ordinal) ? BottleneckPlacement.Parallel
                : names.Exists(other => other.Contains(".adapter_attn.", StringComparison.Ordinal)) ? BottleneckPlacement.Houlsby : BottleneckPlacement.Pfeiffer,
        };

    private static Ia3Options? Ia3(AdapterFile adapter, List<string> names)
    {
        var vectors = names.Where(name => name.EndsWith(Vector, StringComparison.Ordinal)).ToList();
        return vectors.Count == 0 ? null : new Ia3Options
        {
            Targets = [.. vectors.Select(name => name[..^Vector.Length])],
            FeedForward = [.. vectors.Where(name => adapter.Tensors[name].Shape is [1, > 1]).Select(name => name[..^Vector.Length])],
        };
    }

    private static LoraOptions? Lora(AdapterFile adapter, List<string> names)
    {
        var matrices = names.Where(LoraTensors.IsA).ToList();
        if (matrices.Count == 0)
        {
            return null;
        }

        adapter.RequireWholeLora("The adapter");
        var ranks = matrices.ToDictionary(LoraTensors.LayerOf, name => Extent(adapter, name, 0), StringComparer.Ordinal);
        var usual = ranks.Values.GroupBy(rank => rank).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).First().Key;
        return new LoraOptions
        {
            Targets = [.. ranks.Keys],
            Rank = usual,
            RankPattern = ranks.Where(item => item.Value != usual).ToDictionary(item => Regex.Escape(item.Key), item => item.Value),
            Dora = names.Exists(name => name.EndsWith(Magnitude, StringComparison.Ordinal)),
            LoraBias = names.Exists(name => LoraTensors.IsB(name) && name.EndsWith(".bias", StringComparison.Ordinal)),
        };
    }

    private static int Extent(AdapterFile adapter, string name, int axis) => adapter.Tensors[name].Shape is var shape && axis < shape.Length && shape[axis] is > 0 and <= int.MaxValue ? (int)shape[axis]
        : throw new AdapterException($"The adapter's tensor '{name}' is [{string.Join(", ", shape)}]; expected at least {axis + 1} axes without an empty one.");
}
