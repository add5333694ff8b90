using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// DOFA (Xiong et al. 2024, "Neural Plasticity-Inspired Multimodal Foundation Model for Earth Observation"): a vision transformer whose
/// patch embedding is generated from the wavelengths of the bands. Reference: torchgeo's <c>dofa.py</c>.
/// </summary>
internal sealed class Dofa : IBackbone
{
    private const float Epsilon = 1e-6f;
    private const string Generator = "patch_embed.weight_generator";

    private static readonly Variant[] Variants =
    [
        new("tiny", null, 96, 4, 4, 8, 64), new("small", "dofa_small_patch16_224", 384, 12, 6, 16, 224), new("base", "dofa_base_patch16_224", 768, 12, 12, 16, 224),
        new("large", "dofa_large_patch16_224", 1024, 24, 16, 16, 224), new("huge", "dofa_huge_patch14_224", 1280, 32, 16, 14, 224),
    ];

    public string Name => "dofa";

    public string Description => "DOFA: one encoder for any set of optical and radar bands, told by their wavelengths.";

    public string Example => "export dofa --random --size base --seed 1 --bands B02,B03,B04,B08 --out dofa-base.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } =
    [
        BackboneSetting.Bands, BackboneSetting.Wavelengths, BackboneSetting.AnyBands, BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.PositionResampling,
        BackboneSetting.Layers, BackboneSetting.Heads, BackboneSetting.Attention,
    ];

    public IReadOnlyList<string> FurtherOutputs { get; } = ["patch_embed", "pooled", "logits"];

    public IReadOnlyList<string> Sizes { get; } = [.. Variants.Select(variant => variant.Size)];

    public IReadOnlyList<string> DefaultBands { get; } = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12"];

    public string Licence => "CC-BY-4.0";

    public int? HeadsOf(string variant) => Array.Find(Variants, published => published.Official == variant)?.Heads;

    public StateDict Random(string size, long seed, int bands) => RandomWeights.Create($"random DOFA weights ({size}, seed {seed})", seed, Shapes(size));

    /// <summary>Names and shapes of the weights of a size.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> Shapes(string size) => Array.Find(Variants, variant => variant.Size == size)?.Shapes()
        ?? throw new ExportException($"DOFA has no size '{size}'; known are {string.Join(", ", Variants.Select(variant => variant.Size))}.");

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var graph = new WeightedGraph(new GraphBuilder(Name), weights);
        var op = graph.Op;
        var table = WeightedGraph.Single(weights.Take("pos_embed", 1, -1, -1));
        var width = table.Shape[2];
        var (patch, trainedGrid) = (PatchOf(weights, width), PositionTable.GridOf(table, prefix: 1));
        var variant = Array.Find(Variants, variant => variant.Width == width && variant.Patch == patch && variant.Depth == weights.CountBlocks("blocks"));
        var size = InputSize.Of(options, trainedGrid * patch);
        var (rows, columns) = GridOf(size, patch);
        var outputs = new EncoderOutputs(weights.CountBlocks("blocks"), options, FurtherOutputs);
        var bands = BandsOf(options);

        var image = op.Input("image", ElementType.Float, ["batch", options.AnyBands ? "bands" : bands.Count, size.Height, size.Width]);
        var (kernel, bias) = options.AnyBands ? DofaGenerator.Build(graph, Generator, patch, width) : Fixed(graph, bands, patch, width);
        var x = op.Conv(image, kernel, bias, [patch, patch], [1, 1, 1, 1]);
        x = op.Transpose(op.Reshape(x, 0, width, (long)rows * columns), 0, 2, 1);
        if (options.Outputs.Contains("patch_embed"))
        {
            x = op.Output(x, "patch_embed");
        }

        var position = op.Initializer("pos_embed", PositionTable.Resize(table, 1, rows, columns, options.PositionResampling));
        x = ClassToken.Prepend(graph, image, op.Add(x, op.Slice(position, 1, 1, long.MaxValue)), op.Add(graph.Weight("cls_token", 1, 1, width), op.Slice(position, 1, 0, 1)));
        var block = new TransformerBlock { Heads = options.Heads ?? variant?.Heads ?? HeadCount.Usual(weights.Source, width), Epsilon = Epsilon, Attention = options.Attention };
        x = outputs.Run(graph, x, block, 1, rows, columns);
        ClassToken.Pool(graph, x, options.Outputs, Epsilon);
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant?.Official ?? "DOFA",
            Family = Name,
            Variant = variant?.Official,
            Task = ModelTask.Features,
            Bands = bands,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Patch = patch,
            Features = outputs.Features,
        }, UnusedWeights.Warn(weights, "blocks.", "fc_norm.", "norm.", "head.", "projector.", "decoder", "mask_token"));
    }

    /// <summary>Patch edge: a generated kernel has patch² · width rows.</summary>
    private static int PatchOf(StateDict weights, long width)
    {
        var rows = weights.Take($"{Generator}.fc_weight.weight", -1, -1).Shape[0];
        var patch = (int)Math.Round(Math.Sqrt((double)rows / width));
        return patch > 0 && patch * patch * width == rows ? patch : throw new FileFormatException(
            $"{weights.Source}: '{Generator}.fc_weight.weight' has {rows} rows; expected patch² · {width}. Is this the checkpoint of another model?");
    }

    // The convolution pads by one pixel, stride = kernel = patch: a grid as without padding, shifted by a pixel.
    private static (int Rows, int Columns) GridOf(InputSize size, int patch)
    {
        var (rows, columns) = size.Patches(patch);
        return (((rows * patch) + 2) / patch, ((columns * patch) + 2) / patch);
    }

    private static IReadOnlyList<ManifestBand> BandsOf(BackboneOptions options)
    {
        if (options.AnyBands)
        {
            return options.Bands is null && options.Wavelengths is null ? [] : throw new ExportException("Bands are either open (--any-bands) or listed (--bands, --wavelengths), not both.");
        }

        return options switch
        {
            { Bands: { } names } => SpectralBand.Describe(options, names),
            { Wavelengths: { } wavelengths } => SpectralBand.Unnamed(options, wavelengths.Count),
            _ => throw new ExportException(
                "DOFA takes any bands; say which with --bands B02,B03,B04 (or --wavelengths in micrometres), or leave them open with --any-bands."),
        };
    }

    private static (Value Kernel, Value Bias) Fixed(WeightedGraph graph, IReadOnlyList<ManifestBand> bands, int patch, long width)
    {
        var (kernel, bias) = DofaKernel.Generate(graph.Weights.Below($"{Generator}."), graph.Weights.Below("patch_embed.fclayer."),
            [.. bands.Select(band => (float)band.WavelengthMicrometres!.Value)], patch, (int)width);
        return (graph.Op.Initializer("patch_embed.proj.weight", kernel), graph.Op.Initializer("patch_embed.proj.bias", bias));
    }

    private sealed record Variant(string Size, string? Official, long Width, int Depth, int Heads, int Patch, int Tile)
    {
        private const long Wave = 128, Hidden = 2048, Classes = 45;

        public IEnumerable<(string Name, long[] Shape)> Shapes()
        {
            var layer = $"{Generator}.transformer_encoder.layers.0";
            long grid = Tile / Patch;
            return
            [
                ("cls_token", [1, 1, Width]), ("pos_embed", [1, 1 + (grid * grid), Width]), .. Pair("fc_norm", Width),
                ($"{Generator}.weight_tokens", [Wave, Wave]), ($"{Generator}.bias_token", [1, Wave]),
                ($"{layer}.self_attn.in_proj_weight", [3 * Wave, Wave]), ($"{layer}.self_attn.in_proj_bias", [3 * Wave]), .. Pair($"{layer}.self_attn.out_proj", Wave, Wave),
                .. Pair($"{layer}.linear1", Hidden, Wave), .. Pair($"{layer}.linear2", Wave, Hidden), .. Pair($"{layer}.norm1", Wave), .. Pair($"{layer}.norm2", Wave),
                .. Pair($"{Generator}.fc_weight", Patch * Patch * Width, Wave), .. Pair($"{Generator}.fc_bias", Width, Wave),
                .. Pair("patch_embed.fclayer.w1", Wave, Wave), .. Pair("patch_embed.fclayer.w2", Wave, Wave),
                .. Enumerable.Range(0, Depth).SelectMany(i => TransformerBlock.Shapes($"blocks.{i}", Width, 4 * Width)),
                .. Pair("head", Classes, Width),
            ];
        }

        private static (string Name, long[] Shape)[] Pair(string path, params long[] shape) => [($"{path}.weight", shape), ($"{path}.bias", [shape[0]])];
    }
}
