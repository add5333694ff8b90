using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>
/// (IA)³ (Liu et al. 2022): one vector l a target, 1 at first. y = (xWᵀ + b) ⊙ l with l [out, 1]; for feed-forward targets
/// y = (x ⊙ l)Wᵀ + b with l [1, in]. Names are PEFT's.
/// </summary>
public sealed record Ia3Options : PeftOptions
{
    /// <summary>Which linear layers, see <see cref="TargetPattern"/>; <c>attn.qkv:k,v</c> and <c>mlp.fc2</c> are usual.</summary>
    public required IReadOnlyList<string> Targets
    {
        get;
        init => field = value.Count > 0 ? value : throw new ArgumentException("IA3 needs at least one target; attn.qkv:k,v and mlp.fc2 are usual.", nameof(Targets));
    }

    /// <summary>Those of the targets whose input is scaled instead of their output.</summary>
    public IReadOnlyList<string> FeedForward { get; init; } = [];

    /// <summary>Last word of the path of fused query-key-value projections.</summary>
    public string FusedProjectionName { get; init; } = "qkv";

    internal override void Apply(PeftGraph graph)
    {
        var op = graph.Op;
        var feedForward = new TargetPattern(FeedForward);
        foreach (var group in graph.Sites(new TargetPattern(Targets), null, FusedProjectionName).GroupBy(site => site.Layer))
        {
            var layer = group.Key;
            using var scope = op.Scope(layer.Path);
            graph.Claim(layer.Path, "IA3");
            foreach (var site in group.Where(site => feedForward.Hits(site.Path)))
            {
                if (site.Path != layer.Path)
                {
                    throw new TrainingException($"{site.Path} is part of a fused layer and listed as feed-forward; its input is shared with the other parts. Scale its output, or the input of {layer.Path}.");
                }

                var vector = graph.Add($"{site.Path}.ia3_l", RandomTensors.Constant([1, layer.In], 1));
                op.Graph.ReplaceUses(layer.Product.Input(0), op.Mul(layer.Product.Input(0), op.Reshape(vector, -1)), node => node == layer.Product);
            }

            var outputs = group.Where(site => !feedForward.Hits(site.Path)).OrderBy(site => site.Start).ToList();
            if (outputs.Count == 0)
            {
                continue;
            }

            var point = (layer.BiasNode ?? layer.Product).Output;
            var users = op.Graph.Consumers(point).ToHashSet();
            var scales = outputs.Select(site => (site, op.Reshape(graph.Add($"{site.Path}.ia3_l", RandomTensors.Constant([site.Length, 1], 1)), -1))).ToList();
            op.Graph.ReplaceUses(point, op.Mul(point, ColumnVector.Join(op, layer, scales, otherwise: 1)), users.Contains);
        }
    }
}
