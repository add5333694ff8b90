using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>What vision transformers with a convolution as patch embedding and a class token share.</summary>
internal static class VitEncoder
{
    private const float Epsilon = 1e-6f;

    public static IReadOnlyList<BackboneSetting> Settings { get; } =
    [
        BackboneSetting.Bands, BackboneSetting.Wavelengths, BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.PositionResampling, BackboneSetting.Layers, BackboneSetting.Heads, BackboneSetting.Attention,
    ];

    public static IReadOnlyList<string> FurtherOutputs { get; } = ["tokens", "pooled", "logits"];

    /// <summary>Builds the graph.</summary>
    /// <param name="family">The family.</param>
    /// <param name="weights">Weights without a prefix.</param>
    /// <param name="options">What is exported.</param>
    /// <param name="variants">Published sizes, for the number of heads.</param>
    /// <param name="positions">The table [1, 1 + rows·columns, width] for a grid of rows and columns, from the checkpoint's table.</param>
    /// <param name="leftAside">Beginnings of names that the encoder does not use.</param>
    public static BackboneModel Build(
        IBackbone family, StateDict weights, BackboneOptions options, VitVariant[] variants, Func<TensorData, int, int, TensorData> positions, IReadOnlyList<string> leftAside)
    {
        weights = BeitWeights.WithPlainBias(weights);
        var graph = new WeightedGraph(new GraphBuilder(family.Name), weights);
        var op = graph.Op;
        var kernel = weights.Take("patch_embed.proj.weight", -1, -1, -1, -1).Shape;
        var (width, channels, patch) = (kernel[0], kernel[1], (int)kernel[2]);
        var relativeGrid = RelativePositions.SizesOf(weights)?.Grid;
        var table = relativeGrid is null || weights.Contains("pos_embed") ? WeightedGraph.Single(weights.Take("pos_embed", 1, -1, width)) : null;
        var size = InputSize.Of(options, (relativeGrid ?? PositionTable.GridOf(table!, 1)) * patch);
        var (rows, columns) = size.Patches(patch);
        var depth = weights.CountBlocks("blocks");
        var outputs = new EncoderOutputs(depth, options, family.FurtherOutputs);
        var variant = Array.Find(variants, variant => variant.Width == width && variant.Depth == depth && variant.Patch == patch);
        var bands = InputBands.Describe(weights.Source, options, (int)channels, family.DefaultBands);

        var image = op.Input("image", ElementType.Float, ["batch", channels, size.Height, size.Width]);
        var x = op.Conv(image, graph.Weight("patch_embed.proj.weight"), graph.Weight("patch_embed.proj.bias", width), [patch, patch], [0, 0, 0, 0]);
        x = op.Transpose(op.Reshape(x, 0, width, (long)rows * columns), 0, 2, 1);
        x = ClassToken.Prepend(graph, image, x, graph.Weight("cls_token", 1, 1, width));
        var relative = RelativePositions.Of(graph, rows, columns);
        if (table is not null)
        {
            // BEiT's reference does not smooth a table that shrinks.
            x = op.Add(x, op.Initializer("pos_embed", relative is null ? positions(table, rows, columns) : PositionTable.Resize(table, 1, rows, columns, options.PositionResampling)));
        }

        var block = new TransformerBlock
        {
            Heads = HeadsOf(weights, options, relative) ?? variant?.Heads ?? HeadCount.Usual(weights.Source, width), Epsilon = Epsilon, Attention = options.Attention, Scale = LayerScale.Of(weights),
        };
        x = outputs.Run(graph, x, block, 1, rows, columns, mask: relative is null ? null : relative.Bias);
        ClassToken.Pool(graph, x, options.Outputs, Epsilon, poolsPatches: relative is not null);
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant is null ? family.Name : $"{family.Name}-{variant.Size}",
            Family = family.Name,
            Variant = variant is null ? null : $"vit_{variant.Size}_patch{variant.Patch}",
            Task = ModelTask.Features,
            Bands = bands,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Patch = patch,
            Features = outputs.Features,
        }, UnusedWeights.Warn(weights, ["blocks.", "norm.", "fc_norm.", "head", "fc.", .. BeitWeights.LeftAside, .. leftAside]));
    }

    private static int? HeadsOf(StateDict weights, BackboneOptions options, RelativePositions? relative) => relative is null || options.Heads is null || options.Heads == relative.Heads ? relative?.Heads ?? options.Heads
        : throw new ExportException($"{weights.Source} has relative positions of {relative.Heads} attention heads; --heads asks for {options.Heads}. Leave it out.");
}

/// <summary>A size of a vision transformer.</summary>
internal sealed record VitVariant(string Size, long Width, int Depth, int Heads, int Patch)
{
    private const long Tile = 224, Classes = 1000;

    /// <summary>Random weights of a size, for inputs of 224 pixels.</summary>
    public static StateDict Random(IBackbone family, VitVariant[] variants, string size, long seed, int bands) => RandomWeights.Create(
        $"random {family.Name} weights ({size}, seed {seed})", seed, Array.Find(variants, variant => variant.Size == size)?.Shapes(bands)
            ?? throw new ExportException($"{family.Name} has no size '{size}'; known are {string.Join(", ", family.Sizes)}."));

    private IEnumerable<(string Name, long[] Shape)> Shapes(int bands)
    {
        var grid = Tile / Patch;
        return
        [
            ("cls_token", [1, 1, Width]), ("pos_embed", [1, 1 + (grid * grid), Width]), ("patch_embed.proj.weight", [Width, bands, Patch, Patch]), ("patch_embed.proj.bias", [Width]),
            .. Enumerable.Range(0, Depth).SelectMany(i => TransformerBlock.Shapes($"blocks.{i}", Width, 4 * Width)),
            ("norm.weight", [Width]), ("norm.bias", [Width]), ("head.weight", [Classes, Width]), ("head.bias", [Classes]),
        ];
    }
}
