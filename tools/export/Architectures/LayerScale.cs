using EoOnnx.Export.Checkpoints;

namespace EoOnnx.Export.Architectures;

/// <summary>Learnt factors [width] on what the attention and the MLP of a block add, by their names below the block's path (Touvron et al. 2021,
/// "Going deeper with Image Transformers").</summary>
/// <param name="Attention">Name of the attention's factor.</param>
/// <param name="Mlp">Name of the MLP's factor.</param>
internal sealed record LayerScale(string Attention, string Mlp)
{
    /// <summary>As timm names them.</summary>
    public static LayerScale Timm { get; } = new("ls1.gamma", "ls2.gamma");

    /// <summary>As BEiT and data2vec name them.</summary>
    public static LayerScale Beit { get; } = new("gamma_1", "gamma_2");

    /// <summary>Those that any block <c>blocks.N</c> of the weights has, which then all must have; null when none has them.</summary>
    public static LayerScale? Of(StateDict weights) => Array.Find([Timm, Beit], known => Enumerable.Range(0, weights.CountBlocks("blocks"))
        .Any(layer => weights.Contains($"blocks.{layer}.{known.Attention}") || weights.Contains($"blocks.{layer}.{known.Mlp}")));
}
