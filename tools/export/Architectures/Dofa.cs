using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// DOFA (Xiong et al. 2024, "Neural Plasticity-Inspired Multimodal Foundation Model for Earth Observation"): a vision transformer whose
/// patch embedding is generated from the wavelengths of the bands. References: torchgeo's <c>dofa.py</c> and, for the second version, whose
/// transformer is timm's with layer scale and learnt positions, zhu-xlab's <c>dofa_v2.py</c>.
/// </summary>
internal sealed class Dofa : IBackbone
{
    private const float Epsilon = 1e-6f;
    private const string Generator = "patch_embed.weight_generator";

    // Below it the second version keeps everything behind the patch embedding.
    private const string Timm = "model.";

    public string Name => "dofa";

    public string Description => "DOFA: one encoder for any set of optical and radar bands, told by their wavelengths.";

    public string Example => "export dofa --random --size base --seed 1 --bands B02,B03,B04,B08 --out dofa-base.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } =
    [
        BackboneSetting.Bands, BackboneSetting.Wavelengths, BackboneSetting.AnyBands, BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.PositionResampling,
        BackboneSetting.Layers, BackboneSetting.Heads, BackboneSetting.Attention,
    ];

    public IReadOnlyList<string> FurtherOutputs { get; } = ["patch_embed", "pooled", "logits"];

    public IReadOnlyList<string> Sizes { get; } = [.. DofaVariant.All.Select(variant => variant.Size)];

    public IReadOnlyList<string> DefaultBands { get; } = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12"];

    public string Licence => "CC-BY-4.0";

    public int? HeadsOf(string variant) => Array.Find(DofaVariant.All, published => published.Official == variant)?.Heads;

    public StateDict Random(string size, long seed, int bands) => RandomWeights.Create($"random DOFA weights ({size}, seed {seed})", seed, Shapes(size));

    /// <summary>Names and shapes of the weights of a size.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> Shapes(string size) => Array.Find(DofaVariant.All, variant => variant.Size == size)?.Shapes()
        ?? throw new ExportException($"DOFA has no size '{size}'; known are {string.Join(", ", DofaVariant.All.Select(variant => variant.Size))}.");

    /// <summary>The weights behind the patch embedding, among those of either version.</summary>
    internal static StateDict EncoderOf(StateDict weights) => weights.Contains("cls_token") || weights.Below(Timm).Count == 0 ? weights : weights.Below(Timm);

    /// <summary>2 for a transformer of timm with layer scale, else 1.</summary>
    internal static int VersionOf(StateDict weights) => EncoderOf(weights).Prefix != weights.Prefix || LayerScale.Of(weights) is not null ? 2 : 1;

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        weights = CheckpointPrefix.Find(weights, $"{Generator}.weight_tokens", "module.", "model.", "encoder.", "backbone.", "dofa_model.");
        var (encoder, version) = (EncoderOf(weights), VersionOf(weights));
        var graph = new WeightedGraph(new GraphBuilder(Name), encoder);
        var op = graph.Op;
        var table = WeightedGraph.Single(encoder.Take("pos_embed", 1, -1, -1));
        var (width, depth) = (table.Shape[2], encoder.CountBlocks("blocks"));
        var (patch, trainedGrid) = (PatchOf(weights, width), PositionTable.GridOf(table, prefix: 1));
        var variant = Array.Find(DofaVariant.All, variant => variant.Version == version && variant.Width == width && variant.Patch == patch && variant.Depth == depth);
        var size = InputSize.Of(options, trainedGrid * patch);
        var (rows, columns) = GridOf(size, patch);
        var outputs = new EncoderOutputs(depth, options, FurtherOutputs);
        var bands = BandsOf(options);

        var image = op.Input("image", ElementType.Float, ["batch", options.AnyBands ? "bands" : bands.Count, size.Height, size.Width]);
        var embedding = new WeightedGraph(op, weights);
        var (kernel, bias) = options.AnyBands ? DofaGenerator.Build(embedding, Generator, patch, width) : Fixed(embedding, bands, patch, width);
        var x = op.Conv(image, kernel, bias, [patch, patch], [1, 1, 1, 1]);
        x = op.Transpose(op.Reshape(x, 0, width, (long)rows * columns), 0, 2, 1);
        if (options.Outputs.Contains("patch_embed"))
        {
            x = op.Output(x, "patch_embed");
        }

        // timm smooths a table that shrinks, the first version's reference does not.
        var form = version == 2 ? InterpolationForm.Antialiased : InterpolationForm.Plain;
        var position = op.Initializer("pos_embed", PositionTable.Resize(table, 1, rows, columns, options.PositionResampling, form));
        x = ClassToken.Prepend(graph, image, op.Add(x, op.Slice(position, 1, 1, long.MaxValue)), op.Add(graph.Weight("cls_token", 1, 1, width), op.Slice(position, 1, 0, 1)));
        var block = new TransformerBlock
        {
            Heads = options.Heads ?? variant?.Heads ?? HeadCount.Usual(weights.Source, width), Epsilon = Epsilon, Attention = options.Attention,
            Scale = version == 2 ? LayerScale.Of(encoder) ?? LayerScale.Timm : null,
        };
        x = outputs.Run(graph, x, block, 1, rows, columns);
        ClassToken.Pool(graph, x, options.Outputs, Epsilon);
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant?.Official ?? (version == 2 ? "DOFA v2" : "DOFA"),
            Family = Name,
            Variant = variant?.Official,
            Task = ModelTask.Features,
            Bands = bands,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Patch = patch,
            Features = outputs.Features,
        }, UnusedWeights.Warn(weights, "blocks.", "fc_norm.", "norm.", "head.", "projector.", "decoder", "mask_token", $"{Timm}blocks.", $"{Timm}norm."));
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
}
