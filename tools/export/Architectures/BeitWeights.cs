using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>Weights of BEiT and data2vec under timm's names: their projection of queries, keys and values has a bias <c>q_bias</c>, none, and <c>v_bias</c>.</summary>
internal static class BeitWeights
{
    /// <summary>What such checkpoints hold for pretraining and for building the model again.</summary>
    public static IReadOnlyList<string> LeftAside { get; } = ["mask_token", "lm_head.", "rel_pos_bias.relative_position_index"];

    /// <summary>The weights with <c>attn.qkv.bias</c> for each block; unchanged when no block has BEiT's biases.</summary>
    /// <exception cref="FileFormatException">A block lacks one of them, or they have different widths.</exception>
    public static StateDict WithPlainBias(StateDict weights)
    {
        var blocks = Enumerable.Range(0, weights.CountBlocks("blocks")).Select(layer => $"blocks.{layer}.attn").ToList();
        if (!blocks.Exists(block => weights.Contains($"{block}.q_bias") || weights.Contains($"{block}.v_bias")))
        {
            return weights;
        }

        var tensors = weights.Names.ToDictionary(name => name, name => weights.Peek(name)!, StringComparer.Ordinal);
        foreach (var block in blocks)
        {
            var queries = WeightedGraph.Single(weights.Take($"{block}.q_bias", -1));
            var values = WeightedGraph.Single(weights.Take($"{block}.v_bias", queries.Count));
            tensors[$"{block}.qkv.bias"] = TensorData.FromValues<float>([3 * queries.Count], [.. queries.ToSingles(), .. new float[queries.Count], .. values.ToSingles()]);
        }

        return new StateDict(weights.Source, tensors);
    }
}
