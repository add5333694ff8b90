namespace EoOnnx.Export.Architectures;

/// <summary>A published size of TerraMind 1.0.</summary>
/// <param name="Size">The word of <c>--size</c>.</param>
/// <param name="Official">TerraTorch's name.</param>
/// <param name="Width">Width of a token.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="IsGated">SwiGLU without biases (base, large) or GELU with biases (tiny, small).</param>
internal sealed record TerraMindVariant(string Size, string Official, long Width, int Depth, bool IsGated)
{
    private const long Patch = 16;
    private const long Grid = 14;

    /// <summary>All published sizes, smallest first.</summary>
    public static IReadOnlyList<TerraMindVariant> All { get; } =
    [
        new("tiny", "terramind_v1_tiny", 192, 12, false), new("small", "terramind_v1_small", 384, 12, false),
        new("base", "terramind_v1_base", 768, 12, true), new("large", "terramind_v1_large", 1024, 24, true),
    ];

    /// <summary>Names and shapes of the encoder's weights, with the embeddings of images and image tokens.</summary>
    public IEnumerable<(string Name, long[] Shape)> Shapes() =>
    [
        .. Modality.All.Where(modality => modality.Kind != ModalityKind.Sequence).SelectMany(Embedding),
        .. Enumerable.Range(0, Depth).SelectMany(i => IsGated ? Gated($"encoder.{i}") : TransformerBlock.Shapes($"encoder.{i}", Width, 4 * Width)),
        ("encoder_norm.weight", [Width]), ("encoder_norm.bias", [Width]),
    ];

    private IEnumerable<(string Name, long[] Shape)> Embedding(Modality modality)
    {
        var path = $"encoder_embeddings.{modality.Key}";
        return
        [
            ($"{path}.mod_emb", [1, 1, Width]), ($"{path}.pos_emb", [1, Grid * Grid, Width]),
            modality.Kind == ModalityKind.Image ? ($"{path}.proj.weight", [Width, Patch * Patch * modality.Bands.Count]) : ($"{path}.token_emb.weight", [modality.Vocabulary, Width]),
        ];
    }

    // Gated layers are two thirds as wide, so that they cost as much.
    private IEnumerable<(string Name, long[] Shape)> Gated(string path)
    {
        var hidden = 2 * 4 * Width / 3;
        return
        [
            ($"{path}.norm1.weight", [Width]), ($"{path}.norm1.bias", [Width]), ($"{path}.attn.qkv.weight", [3 * Width, Width]), ($"{path}.attn.proj.weight", [Width, Width]),
            ($"{path}.norm2.weight", [Width]), ($"{path}.norm2.bias", [Width]), ($"{path}.mlp.fc1.weight", [hidden, Width]), ($"{path}.mlp.fc2.weight", [Width, hidden]), ($"{path}.mlp.fc3.weight", [hidden, Width]),
        ];
    }
}
