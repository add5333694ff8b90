namespace EoOnnx.Export.Architectures;

/// <summary>A size of DOFA.</summary>
/// <param name="Version">1, or 2 for a transformer of timm with layer scale.</param>
/// <param name="Size">The word behind <c>--size</c>.</param>
/// <param name="Official">TerraTorch's name; null for sizes that nobody has published.</param>
/// <param name="Width">Width of a token.</param>
/// <param name="Depth">Blocks.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="Patch">Patch edge in pixels.</param>
/// <param name="Tile">Edge of the images of pretraining in pixels.</param>
internal sealed record DofaVariant(int Version, string Size, string? Official, long Width, int Depth, int Heads, int Patch, int Tile)
{
    private const long Wave = 128, Hidden = 2048, Classes = 45;

    /// <summary>All sizes, the smallest of each version first.</summary>
    public static DofaVariant[] All { get; } =
    [
        new(1, "tiny", null, 96, 4, 4, 8, 64), new(1, "small", "dofa_small_patch16_224", 384, 12, 6, 16, 224), new(1, "base", "dofa_base_patch16_224", 768, 12, 12, 16, 224),
        new(1, "large", "dofa_large_patch16_224", 1024, 24, 16, 16, 224), new(1, "huge", "dofa_huge_patch14_224", 1280, 32, 16, 14, 224),
        new(2, "v2-tiny", null, 96, 4, 4, 14, 112), new(2, "v2-base", "dofav2_base_patch14_224", 768, 12, 12, 14, 224), new(2, "v2-large", "dofav2_large_patch14_224", 1024, 24, 16, 14, 224),
    ];

    /// <summary>Names and shapes of the weights.</summary>
    public IEnumerable<(string Name, long[] Shape)> Shapes()
    {
        var layer = "patch_embed.weight_generator.transformer_encoder.layers.0";
        return
        [
            ("patch_embed.weight_generator.weight_tokens", [Wave, Wave]), ("patch_embed.weight_generator.bias_token", [1, Wave]),
            ($"{layer}.self_attn.in_proj_weight", [3 * Wave, Wave]), ($"{layer}.self_attn.in_proj_bias", [3 * Wave]), .. Pair($"{layer}.self_attn.out_proj", Wave, Wave),
            .. Pair($"{layer}.linear1", Hidden, Wave), .. Pair($"{layer}.linear2", Wave, Hidden), .. Pair($"{layer}.norm1", Wave), .. Pair($"{layer}.norm2", Wave),
            .. Pair("patch_embed.weight_generator.fc_weight", Patch * Patch * Width, Wave), .. Pair("patch_embed.weight_generator.fc_bias", Width, Wave),
            .. Pair("patch_embed.fclayer.w1", Wave, Wave), .. Pair("patch_embed.fclayer.w2", Wave, Wave),
            .. Version == 1 ? Encoder("") : Encoder("model."), .. Version == 1 ? [.. Pair("fc_norm", Width), .. Pair("head", Classes, Width)] : ((string, long[])[])[.. Pair("model.norm", Width), .. Pair("norm", Width)],
        ];
    }

    private IEnumerable<(string Name, long[] Shape)> Encoder(string prefix)
    {
        long grid = Tile / Patch;
        return
        [
            ($"{prefix}cls_token", [1, 1, Width]), ($"{prefix}pos_embed", [1, 1 + (grid * grid), Width]),
            .. Enumerable.Range(0, Depth).SelectMany(i => TransformerBlock.Shapes($"{prefix}blocks.{i}", Width, 4 * Width)),
            .. Enumerable.Range(0, Version == 1 ? 0 : Depth).SelectMany(i => new[] { LayerScale.Timm.Attention, LayerScale.Timm.Mlp }.Select(name => ($"{prefix}blocks.{i}.{name}", new[] { Width }))),
        ];
    }

    private static (string Name, long[] Shape)[] Pair(string path, params long[] shape) => [($"{path}.weight", shape), ($"{path}.bias", [shape[0]])];
}
