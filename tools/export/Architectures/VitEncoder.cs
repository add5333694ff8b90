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
        var graph = new WeightedGraph(new GraphBuilder(family.Name), weights);
        var op = graph.Op;
        var kernel = weights.Take("patch_embed.proj.weight", -1, -1, -1, -1).Shape;
        var (width, channels, patch) = (kernel[0], kernel[1], (int)kernel[2]);
        var table = WeightedGraph.Single(weights.Take("pos_embed", 1, -1, width));
        var size = InputSize.Of(options, PositionTable.GridOf(table, 1) * patch);
        var (rows, columns) = size.Patches(patch);
        var depth = weights.CountBlocks("blocks");
        var outputs = new EncoderOutputs(depth, options, family.FurtherOutputs);
        var variant = Array.Find(variants, variant => variant.Width == width && variant.Depth == depth && variant.Patch == patch);
        var bands = InputBands.Describe(weights.Source, options, (int)channels, family.DefaultBands);

        var image = op.Input("image", ElementType.Float, ["batch", channels, size.Height, size.Width]);
        var x = op.Conv(image, graph.Weight("patch_embed.proj.weight"), graph.Weight("patch_embed.proj.bias", width), [patch, patch], [0, 0, 0, 0]);
        x = op.Transpose(op.Reshape(x, 0, width, (long)rows * columns), 0, 2, 1);
        x = op.Add(ClassToken.Prepend(graph, image, x, graph.Weight("cls_token", 1, 1, width)), op.Initializer("pos_embed", positions(table, rows, columns)));
        var block = new TransformerBlock { Heads = options.Heads ?? variant?.Heads ?? HeadCount.Usual(weights.Source, width), Epsilon = Epsilon, Attention = options.Attention };
        ClassToken.Pool(graph, outputs.Run(graph, x, block, 1, rows, columns), options.Outputs, Epsilon);
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
        }, UnusedWeights.Warn(weights, ["blocks.", "norm.", "fc_norm.", "head", "fc.", .. leftAside]));
    }
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
