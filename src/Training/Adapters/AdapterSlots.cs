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

    /// <summary>A copy of a model with slots for an adapter. By default they hold values that change nothing.</summary>
    /// <param name="model">A model; it is not changed, its weights are shared. Its outputs keep their names.</param>
    /// <param name="adapter">The adapter: LoRA, DoRA or IA3.</param>
    /// <exception cref="AdapterException">The adapter belongs to another base, mixes methods or holds tensors of another method.</exception>
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
            throw new AdapterException($"The adapter's tensor '{spare}' fits no slot; slots are made for LoRA, DoRA and IA3, for example {string.Join(", ", added.Order(StringComparer.Ordinal).Take(2))}.");
        }

        foreach (var tensor in graph.Trainables)
        {
            copy.Graph.MoveInputToEnd(copy.Graph.FindInput(tensor.Name)!);
        }

        copy.Graph.RemoveUnused();
        copy.Graph.Sort();
        return copy;
    }

    private static PeftOptions Options(AdapterFile adapter)
    {
        var names = adapter.Tensors.Keys.Order(StringComparer.Ordinal).ToList();
        var vectors = names.Where(name => name.EndsWith(Vector, StringComparison.Ordinal)).ToList();
        var matrices = names.Where(AdapterFile.IsLoraA).ToList();
        if (matrices.Count == 0 && vectors.Count > 0)
        {
            return new Ia3Options
            {
                Targets = [.. vectors.Select(name => name[..^Vector.Length])],
                FeedForward = [.. vectors.Where(name => adapter.Tensors[name].Shape is [1, > 1]).Select(name => name[..^Vector.Length])],
            };
        }

        if (matrices.Count == 0 || vectors.Count > 0)
        {
            throw new AdapterException(
                $"The adapter holds {(matrices.Count == 0 ? $"neither LoRA nor IA3 tensors ({string.Join(", ", names.Take(3))})" : "both LoRA and IA3 tensors")}; slots are made for one of the two.");
        }

        adapter.RequireWholeLora("The adapter");
        var ranks = matrices.ToDictionary(AdapterFile.LayerOf, name => checked((int)adapter.Tensors[name].Shape[0]), StringComparer.Ordinal);
        var usual = ranks.Values.GroupBy(rank => rank).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).First().Key;
        return new LoraOptions
        {
            Targets = [.. ranks.Keys],
            Rank = usual,
            RankPattern = ranks.Where(item => item.Value != usual).ToDictionary(item => Regex.Escape(item.Key), item => item.Value),
            Dora = names.Exists(name => name.EndsWith(Magnitude, StringComparison.Ordinal)),
            LoraBias = names.Exists(name => AdapterFile.IsLoraB(name) && name.EndsWith(".bias", StringComparison.Ordinal)),
        };
    }
}
