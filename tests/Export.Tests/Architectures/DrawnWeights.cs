using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>Sizes of an encoder that nobody has published.</summary>
internal sealed record DrawnSizes(long Width, int Depth, int Heads, int Patch, int Grid, int Channels, int Mlp = 4, int Frames = 1, int Step = 1)
{
    public int Tile => Patch * Grid;
}

/// <summary>Random weights under the names of the reference implementations, in any sizes: lively, with no bias of 0 and no scale of 1.</summary>
internal static class DrawnWeights
{
    public static Dictionary<string, TensorData> Vit(DrawnSizes sizes, long seed) => Draw(seed,
    [
        ("cls_token", [1, 1, sizes.Width]), ("pos_embed", [1, 1 + ((long)sizes.Grid * sizes.Grid), sizes.Width]),
        ("patch_embed.proj.weight", [sizes.Width, sizes.Channels, sizes.Patch, sizes.Patch]), ("patch_embed.proj.bias", [sizes.Width]),
        .. Blocks("blocks", sizes), .. Norm("norm", sizes.Width),
    ]);

    public static Dictionary<string, TensorData> Prithvi(DrawnSizes sizes, long seed) => Draw(seed,
    [
        ("cls_token", [1, 1, sizes.Width]), ("pos_embed", [1, 1 + ((long)sizes.Frames / sizes.Step * sizes.Grid * sizes.Grid), sizes.Width]),
        ("patch_embed.proj.weight", [sizes.Width, sizes.Channels, sizes.Step, sizes.Patch, sizes.Patch]), ("patch_embed.proj.bias", [sizes.Width]),
        .. Blocks("blocks", sizes), .. Norm("norm", sizes.Width),
    ]);

    public static Dictionary<string, TensorData> TerraMind(DrawnSizes sizes, long seed, bool qkvBias, bool projectionBias, bool mlpBias, bool isGated) => Draw(seed,
    [
        .. new[] { ("untok_sen2l2a@224", 12L), ("untok_sen1grd@224", 2L) }.SelectMany(modality => new (string, long[])[]
        {
            ($"encoder_embeddings.{modality.Item1}.proj.weight", [sizes.Width, modality.Item2 * sizes.Patch * sizes.Patch]), ($"encoder_embeddings.{modality.Item1}.mod_emb", [1, 1, sizes.Width]),
            ($"encoder_embeddings.{modality.Item1}.pos_emb", [1, (long)sizes.Grid * sizes.Grid, sizes.Width]),
        }),
        .. Blocks("encoder", sizes).Where(item => !item.Name.EndsWith("bias", StringComparison.Ordinal) || item.Name.Contains("norm", StringComparison.Ordinal)
            || (item.Name.Contains("qkv", StringComparison.Ordinal) ? qkvBias : item.Name.Contains("proj", StringComparison.Ordinal) ? projectionBias : mlpBias)),
        .. Enumerable.Range(0, isGated ? sizes.Depth : 0).SelectMany(i => Linear($"encoder.{i}.mlp.fc3", sizes.Mlp * sizes.Width, sizes.Width).Take(mlpBias ? 2 : 1)),
        .. Norm("encoder_norm", sizes.Width),
    ]);

    public static Dictionary<string, TensorData> Dofa(DrawnSizes sizes, long seed)
    {
        const long wave = 128, hidden = 2048; // fixed in the reference
        const string generator = "patch_embed.weight_generator", layer = $"{generator}.transformer_encoder.layers.0";
        return Draw(seed,
        [
            ("cls_token", [1, 1, sizes.Width]), ("pos_embed", [1, 1 + ((long)sizes.Grid * sizes.Grid), sizes.Width]),
            .. Linear("patch_embed.fclayer.w1", wave, wave), .. Linear("patch_embed.fclayer.w2", wave, wave),
            ($"{generator}.weight_tokens", [128, wave]), ($"{generator}.bias_token", [1, wave]),
            ($"{layer}.self_attn.in_proj_weight", [3 * wave, wave]), ($"{layer}.self_attn.in_proj_bias", [3 * wave]), .. Linear($"{layer}.self_attn.out_proj", wave, wave),
            .. Linear($"{layer}.linear1", hidden, wave), .. Linear($"{layer}.linear2", wave, hidden), .. Norm($"{layer}.norm1", wave), .. Norm($"{layer}.norm2", wave),
            .. Linear($"{generator}.fc_weight", (long)sizes.Patch * sizes.Patch * sizes.Width, wave), .. Linear($"{generator}.fc_bias", sizes.Width, wave),
            .. Blocks("blocks", sizes), .. Norm("fc_norm", sizes.Width),
        ]);
    }

    /// <summary>DOFA's second version: timm's transformer below <c>model.</c>, with layer scale, and a last normalisation that nothing uses.</summary>
    public static Dictionary<string, TensorData> DofaV2(DrawnSizes sizes, long seed) => Dofa(sizes, seed)
        .Where(item => !item.Key.StartsWith("fc_norm", StringComparison.Ordinal)).Select(item => KeyValuePair.Create(item.Key.StartsWith("patch_embed", StringComparison.Ordinal) ? item.Key : $"model.{item.Key}", item.Value))
        .Concat(Draw(seed, [.. Enumerable.Range(0, sizes.Depth).SelectMany(i => new (string, long[])[] { ($"model.blocks.{i}.ls1.gamma", [sizes.Width]), ($"model.blocks.{i}.ls2.gamma", [sizes.Width]) }), .. Norm("model.norm", sizes.Width), .. Norm("norm", sizes.Width)]))
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>data2vec as SSL4EO-S12 pretrained it: BEiT's transformer with relative positions that all blocks share, and what serves pretraining only.</summary>
    /// <param name="areShared">False gives each block relative positions of its own, as fine-tuned ones have.</param>
    public static Dictionary<string, TensorData> Data2Vec(DrawnSizes sizes, long seed, bool areShared = true)
    {
        var offsets = (2L * sizes.Grid) - 1;
        long[] table = [(offsets * offsets) + 3, sizes.Heads];
        var plain = Vit(sizes, seed);
        return plain.Where(item => item.Key != "pos_embed" && !item.Key.EndsWith("qkv.bias", StringComparison.Ordinal)).Concat(Draw(seed,
        [
            .. Enumerable.Range(0, sizes.Depth).SelectMany(i => new[] { "attn.q_bias", "attn.v_bias", "gamma_1", "gamma_2" }.Select(name => ($"blocks.{i}.{name}", new[] { sizes.Width }))),
            .. areShared ? [("rel_pos_bias.relative_position_bias_table", table)] : Enumerable.Range(0, sizes.Depth).Select(i => ($"blocks.{i}.attn.relative_position_bias_table", table)),
            ("mask_token", [1, 1, sizes.Width]), .. Linear("lm_head", sizes.Width, sizes.Width),
        ])).Append(KeyValuePair.Create("rel_pos_bias.relative_position_index", TensorData.FromValues<long>([1], [0]))).ToDictionary(StringComparer.Ordinal);
    }

    public static Dictionary<string, TensorData> ResNet(long seed, bool isBottleneck, long stem, int channels, int[] layers)
    {
        var (shapes, inputs, expansion) = (new List<(string, long[])>(Convolution("conv1", "bn1", stem, channels, 7)), stem, isBottleneck ? 4 : 1);
        for (var stage = 1; stage <= layers.Length; stage++)
        {
            var planes = stem << (stage - 1);
            for (var layer = 0; layer < layers[stage - 1]; layer++, inputs = planes * expansion)
            {
                var path = $"layer{stage}.{layer}";
                shapes.AddRange(Convolution($"{path}.conv1", $"{path}.bn1", planes, inputs, isBottleneck ? 1 : 3));
                shapes.AddRange(Convolution($"{path}.conv2", $"{path}.bn2", planes, planes, 3));
                shapes.AddRange(isBottleneck ? Convolution($"{path}.conv3", $"{path}.bn3", planes * expansion, planes, 1) : []);
                shapes.AddRange(layer == 0 && (stage > 1 || isBottleneck) ? Convolution($"{path}.downsample.0", $"{path}.downsample.1", planes * expansion, inputs, 1) : []);
            }
        }

        return Draw(seed, shapes);

        static IEnumerable<(string, long[])> Convolution(string path, string norm, long outputs, long channels, long kernel) =>
            [($"{path}.weight", [outputs, channels, kernel, kernel]), .. Norm(norm, outputs), ($"{norm}.running_mean", [outputs]), ($"{norm}.running_var", [outputs])];
    }

    public static Dictionary<string, TensorData> Swin(long seed, long width, int channels, int patch, int window, int[] depths, int[] heads, long mlp)
    {
        const long hidden = 512; // fixed in the reference
        var shapes = new List<(string, long[])> { ("features.0.0.weight", [width, channels, patch, patch]), ("features.0.0.bias", [width]) };
        shapes.AddRange(Norm("features.0.2", width));
        for (var stage = 0; stage < depths.Length; stage++, width *= 2)
        {
            for (var layer = 0; layer < depths[stage]; layer++)
            {
                var path = $"features.{(2 * stage) + 1}.{layer}";
                shapes.AddRange([.. Norm($"{path}.norm1", width), .. Norm($"{path}.norm2", width), .. Linear($"{path}.attn.qkv", 3 * width, width), .. Linear($"{path}.attn.proj", width, width),
                    .. Linear($"{path}.attn.cpb_mlp.0", hidden, 2), ($"{path}.attn.cpb_mlp.2.weight", [heads[stage], hidden]), ($"{path}.attn.logit_scale", [heads[stage], 1, 1]),
                    ($"{path}.attn.relative_coords_table", [1, (2 * window) - 1, (2 * window) - 1, 2]), .. Linear($"{path}.mlp.0", mlp * width, width), .. Linear($"{path}.mlp.3", width, mlp * width)]);
            }

            shapes.AddRange(stage + 1 == depths.Length ? Norm("norm", width) : [($"features.{(2 * stage) + 2}.reduction.weight", [2 * width, 4 * width]), .. Norm($"features.{(2 * stage) + 2}.norm", 2 * width)]);
        }

        return Draw(seed, shapes);
    }

    public static Dictionary<string, TensorData> Presto(long seed, DrawnSizes sizes) => Draw(seed,
    [
        ("month_embed.weight", [12, sizes.Width / 4]), ("channel_embed.weight", [10, sizes.Width / 4]), ("pos_embed", [1, sizes.Frames, sizes.Width / 2]), ("dw_embed.weight", [10, sizes.Width]),
        .. Linear("latlon_embed", sizes.Width, 3),
        .. new (string Name, long Count)[] { ("S1", 2), ("S2_RGB", 3), ("S2_Red_Edge", 3), ("S2_NIR_10m", 1), ("S2_NIR_20m", 1), ("S2_SWIR", 2), ("ERA5", 2), ("SRTM", 2), ("NDVI", 1) }
            .SelectMany(group => Linear($"eo_patch_embed.{group.Name}", sizes.Width, group.Count)),
        .. Blocks("blocks", sizes), .. Norm("norm", sizes.Width),
    ]);

    private static IEnumerable<(string Name, long[] Shape)> Blocks(string path, DrawnSizes sizes) => Enumerable.Range(0, sizes.Depth).Select(i => $"{path}.{i}").SelectMany(block =>
        Norm($"{block}.norm1", sizes.Width).Concat(Linear($"{block}.attn.qkv", 3 * sizes.Width, sizes.Width)).Concat(Linear($"{block}.attn.proj", sizes.Width, sizes.Width))
            .Concat(Norm($"{block}.norm2", sizes.Width)).Concat(Linear($"{block}.mlp.fc1", sizes.Mlp * sizes.Width, sizes.Width)).Concat(Linear($"{block}.mlp.fc2", sizes.Width, sizes.Mlp * sizes.Width)));

    private static (string, long[])[] Linear(string path, long outputs, long inputs) => [($"{path}.weight", [outputs, inputs]), ($"{path}.bias", [outputs])];

    private static (string, long[])[] Norm(string path, long width) => [($"{path}.weight", [width]), ($"{path}.bias", [width])];

    private static Dictionary<string, TensorData> Draw(long seed, IEnumerable<(string Name, long[] Shape)> shapes) => shapes.ToDictionary(item => item.Name, item =>
    {
        var receptive = item.Shape.Skip(1).Aggregate(1L, (product, extent) => product * extent);
        var tensor = RandomTensors.Uniform(seed, item.Name, item.Shape, item.Shape.Length > 1 ? 1.7 / Math.Sqrt(receptive) : 0.4);
        var isScale = item.Shape.Length == 1 && (item.Name.EndsWith(".weight", StringComparison.Ordinal) || item.Name.EndsWith("running_var", StringComparison.Ordinal));
        return isScale ? TensorData.FromValues<float>(item.Shape, [.. tensor.ToSingles().Select(value => 1 + value)]) : tensor;
    }, StringComparer.Ordinal);
}
