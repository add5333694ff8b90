using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// Prithvi-EO 1.0 and 2.0 (Jakubik et al. 2023; Szwarcman et al. 2024): a vision transformer over time series of images, whose "TL" variants
/// also take date and place. Reference: TerraTorch's <c>prithvi_mae.py</c> and <c>prithvi_vit.py</c>.
/// </summary>
internal sealed class Prithvi : IBackbone
{
    private const float Epsilon = 1e-5f;
    private const string Kernel = "patch_embed.proj.weight";
    private const string TimeScale = "temporal_embed_enc.scale";
    private const string PlaceScale = "location_embed_enc.scale";

    public string Name => "prithvi";

    public string Description => "Prithvi-EO 1.0 and 2.0: one or several dates of six bands, with date and place for the TL variants.";

    public string Example => "export prithvi --random --size v2-tiny-tl --seed 1 --frames 4 --out prithvi.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } =
    [
        BackboneSetting.Bands, BackboneSetting.TrainedBands, BackboneSetting.Frames, BackboneSetting.FrameAxis, BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.TrainedTile,
        BackboneSetting.Layers, BackboneSetting.Heads, BackboneSetting.Attention,
    ];

    public IReadOnlyList<string> Sizes { get; } = [.. PrithviVariant.All.Select(variant => variant.Size)];

    public string Licence => "Apache-2.0";

    public int? HeadsOf(string variant) => PrithviVariant.All.FirstOrDefault(published => published.Official == variant)?.Heads;

    public StateDict Random(string size, long seed, int bands) => RandomWeights.Create($"random Prithvi weights ({size}, seed {seed})", seed, Shapes(size));

    /// <summary>Names and shapes of the encoder's weights of a size.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> Shapes(string size) => PrithviVariant.All.FirstOrDefault(variant => variant.Size == size)?.Shapes()
        ?? throw new ExportException($"Prithvi has no size '{size}'.{Spelling.DidYouMean(size, PrithviVariant.All.Select(variant => variant.Size))} Known are {string.Join(", ", PrithviVariant.All.Select(variant => variant.Size))}.");

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var encoder = Encoder(weights);
        var graph = new WeightedGraph(new GraphBuilder(Name), encoder);
        var op = graph.Op;
        var kernel = WeightedGraph.Single(encoder.Take(Kernel, -1, -1, -1, -1, -1));
        if (kernel.Shape[3] != kernel.Shape[4])
        {
            throw new FileFormatException($"{weights.Source}: '{Kernel}' has the shape [{string.Join(", ", kernel.Shape)}]; expected square patches.");
        }

        var (width, step, patch) = (kernel.Shape[0], (int)kernel.Shape[2], (int)kernel.Shape[3]);
        var trained = TrainedGrid(encoder, patch, options);
        var variant = PrithviVariant.Recognize(encoder, width, patch, trained);
        var bands = BandSelection.Match(weights.Source, options.Bands, variant.BandsOf(weights.Source, checked((int)kernel.Shape[1]), options.TrainedBands));
        var frames = options.Frames ?? step;
        var size = InputSize.Of(options, trained.Edge * patch);
        var (rows, columns) = size.Patches(patch);
        var times = frames % step == 0 ? frames / step : throw new ExportException($"{weights.Source} joins {step} frames to a token; {frames} is not a multiple of that. Choose --frames {Math.Max(1, frames / step) * step}.");
        var hasFrameAxis = frames > 1 || options.FrameAxis;
        var outputs = new EncoderOutputs(encoder.CountBlocks("blocks"), options, []);

        var image = op.Input("image", ElementType.Float, hasFrameAxis ? ["batch", bands.Bands.Count, frames, rows * patch, columns * patch] : ["batch", bands.Bands.Count, rows * patch, columns * patch]);
        var embedding = bands.Apply(kernel, Kernel, 1, [.. kernel.Shape], options.Seed);
        var x = hasFrameAxis
            ? op.Conv(image, op.Initializer(Kernel, embedding), graph.Weight("patch_embed.proj.bias", width), [step, patch, patch], new long[6])
            : op.Conv(image, op.Initializer(Kernel, embedding.Reshape(width, bands.Bands.Count, patch, patch)), graph.Weight("patch_embed.proj.bias", width), [patch, patch], new long[4]);
        x = op.Transpose(op.Reshape(x, 0, width, (long)times * rows * columns), 0, 2, 1);
        var position = op.Initializer("pos_embed", Positions(times, trained.Edge, rows, columns, (int)width));
        x = op.Add(x, op.Slice(position, 1, 1, long.MaxValue));
        var optional = new List<ManifestInput>();
        x = AddCoordinates(graph, image, x, times, rows * columns, step, optional);
        x = ClassToken.Prepend(graph, image, x, op.Add(graph.Weight("cls_token", 1, 1, width), op.Slice(position, 1, 0, 1)));
        var block = new TransformerBlock { Heads = options.Heads ?? variant.Heads ?? HeadCount.Usual(weights.Source, width), Epsilon = Epsilon, Attention = options.Attention };
        outputs.Run(graph, x, block, 1, rows, columns, last => graph.Normalize(last, "norm", Epsilon));
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant.Official ?? variant.Generation,
            Family = Name,
            Variant = variant.Official,
            Task = ModelTask.Features,
            Bands = bands.Describe(options),
            Frames = frames,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Patch = patch,
            GroundResolutionMetres = 30,
            Features = outputs.Features,
            OptionalInputs = optional,
        }, [.. bands.Warnings, .. UnusedWeights.Warn(encoder, "blocks.", "norm.", "pos_embed", "decoder", "mask_token", "encoder.decoder")]);
    }

    /// <summary>The encoder's weights, whatever stands in front of their names: 2.0 has <c>encoder.</c>, older files <c>_timm_module.</c>, whole
    /// tasks <c>model.encoder.</c>, 1.0 nothing.</summary>
    private static StateDict Encoder(StateDict weights) => weights.Names.Where(name => name.EndsWith(Kernel, StringComparison.Ordinal))
        .OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal).FirstOrDefault() is { } found ? weights.Below(found[..^Kernel.Length]) : weights;

    /// <summary>Edge of the grid of patches and number of time steps that the position table of the weights was made for. The table is recomputed,
    /// but its content tells time from space; where it holds something else, 224 pixels or the number of frames are taken if they fit.</summary>
    private static (int Edge, int Times) TrainedGrid(StateDict encoder, int patch, BackboneOptions options)
    {
        var tokens = encoder.TryTake("pos_embed", out var table) && table.Shape.Length == 3 ? (int)Math.Min(int.MaxValue, table.Shape[1] - 1) : 0;
        if (options.TrainedTile is null && tokens > 0 && Read(table!) is { } found)
        {
            return found;
        }

        var stated = (options.TrainedTile ?? 224) / patch;
        if (options.TrainedTile is not null || (stated > 0 && tokens % (stated * stated) == 0))
        {
            return (Math.Max(1, stated), stated > 0 ? tokens / (stated * stated) : 0);
        }

        var (times, edge) = (options.Frames ?? 1, (int)Math.Round(Math.Sqrt(tokens / (double)(options.Frames ?? 1))));
        return edge * edge * times == tokens ? (edge, times) : throw new ExportException(
            $"{encoder.Source}: for which images its position table of {tokens} tokens was made is not known; say it with --trained-tile, the edge in pixels.");
    }

    /// <summary>Edge and time steps of a table [1, 1 + times · edge², width] that holds the reference's encoding; null when it holds something else.</summary>
    private static (int Edge, int Times)? Read(TensorData table)
    {
        var (tokens, width) = ((int)table.Shape[1] - 1, checked((int)table.Shape[2]));
        if (width % 16 != 0)
        {
            return null;
        }

        // The encoding of the column, in the first 6/16 of a token, starts anew with each row.
        var values = table.ToSingles().AsSpan(width);
        var (column, edge) = (width / 16 * 6, 1);
        while (edge < tokens && !values.Slice(edge * width, column).SequenceEqual(values[..column]))
        {
            edge++;
        }

        if (tokens % ((long)edge * edge) != 0)
        {
            return null;
        }

        const float Rounding = 0.01f; // of half precision
        var expected = SineCosineTables.Volume(tokens / (edge * edge), edge, edge, width).AsSpan<float>();
        for (var i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(expected[i] - values[i]) <= Rounding))
            {
                return null;
            }
        }

        return (edge, tokens / (edge * edge));
    }

    /// <summary>[1, 1 + times · rows · columns, width]: zeros for the class token, then the table, each time step resampled on its own.</summary>
    private static TensorData Positions(int times, int trained, int rows, int columns, int width)
    {
        var planes = SineCosineTables.Volume(times, trained, trained, width).AsSpan<float>().ToArray();
        var result = new List<float>(new float[width]);
        foreach (var plane in planes.Chunk(trained * trained * width))
        {
            var table = TensorData.FromValues<float>([1, trained * trained, width], plane);
            result.AddRange(PositionTable.Resize(table, 0, rows, columns, PositionResampling.Bicubic, InterpolationForm.CornersAligned).AsSpan<float>());
        }

        return TensorData.FromValues<float>([1, 1 + ((long)times * rows * columns), width], result.ToArray());
    }

    private static Value AddCoordinates(WeightedGraph graph, Value image, Value x, int times, int patches, int step, List<ManifestInput> inputs)
    {
        var (op, width) = (graph.Op, x.KnownShape[-1].Value!.Value);
        var (hasTime, hasPlace) = (graph.Weights.Contains(TimeScale), graph.Weights.Contains(PlaceScale));
        if (!hasTime && !hasPlace)
        {
            return x;
        }

        x = op.Reshape(x, 0, times, patches, width);
        if (hasTime)
        {
            if (step != 1)
            {
                throw new ExportException($"{graph.Weights.Source} joins {step} frames to a token and takes dates; the reference allows dates with one frame a token only.");
            }

            x = op.Add(x, op.Unsqueeze(CoordinateEncoding.Build(graph, CoordinateEncoding.Time, [times], TimeScale, width), 2));
            inputs.Add(CoordinateEncoding.Describe(CoordinateEncoding.Time));
        }

        if (hasPlace)
        {
            x = op.Add(x, op.Unsqueeze(CoordinateEncoding.Build(graph, CoordinateEncoding.Place, [], PlaceScale, width), 1, 2));
            inputs.Add(CoordinateEncoding.Describe(CoordinateEncoding.Place));
        }

        // The images say how many there are; the coordinates may be one set for all.
        return op.Reshape(x, op.Concat(0, op.Slice(op.Shape(image), 0, 0, 1), op.Int64s((long)times * patches, width)));
    }
}
