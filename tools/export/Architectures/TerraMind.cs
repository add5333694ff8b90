using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// The encoder of TerraMind (Jakubik et al. 2025): one transformer over the tokens of several modalities. Reference: TerraTorch's
/// <c>terramind_vit.py</c>.
/// </summary>
internal sealed class TerraMind : IBackbone
{
    private const float Epsilon = 1e-6f;
    private const string Embeddings = "encoder_embeddings.";
    private const string RegisterName = "register_tokens";

    public string Name => "terramind";

    public string Description => "TerraMind: Sentinel-2, Sentinel-1, elevation, land cover and more, alone or together.";

    public string Example => "export terramind --random --size tiny --seed 1 --modalities S2L2A,S1GRD --merge mean --out terramind.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } =
    [
        BackboneSetting.Modalities, BackboneSetting.MissingModalities, BackboneSetting.Merge, BackboneSetting.Registers, BackboneSetting.Bands, BackboneSetting.TrainedBands,
        BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.Layers, BackboneSetting.Heads, BackboneSetting.Attention,
    ];

    public IReadOnlyList<string> Sizes { get; } = [.. TerraMindVariant.All.Select(variant => variant.Size)];

    public string Licence => "Apache-2.0";

    public int? HeadsOf(string variant) => TerraMindVariant.All.FirstOrDefault(published => published.Official == variant) is { } known ? HeadCount.Usual(variant, known.Width) : null;

    public StateDict Random(string size, long seed, int bands) => RandomWeights.Create($"random TerraMind weights ({size}, seed {seed})", seed, Shapes(size));

    /// <summary>Names and shapes of the encoder's weights of a size.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> Shapes(string size) => TerraMindVariant.All.FirstOrDefault(variant => variant.Size == size)?.Shapes()
        ?? throw new ExportException($"TerraMind has no size '{size}'.{Spelling.DidYouMean(size, TerraMindVariant.All.Select(variant => variant.Size))} Known are {string.Join(", ", TerraMindVariant.All.Select(variant => variant.Size))}.");

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var encoder = Encoder(weights);
        var graph = new WeightedGraph(new GraphBuilder(Name), encoder);
        var op = graph.Op;
        var (width, depth) = (encoder.Take("encoder_norm.weight", -1).Shape[0], encoder.CountBlocks("encoder"));
        var modalities = (options.Modalities ?? ["S2L2A"]).Select(request => new ModalityEmbedding(graph, request, width, options)).ToList();
        Check(modalities, options);
        var given = modalities.Where(modality => !IsMissing(modality, options)).ToList();
        var patch = given.FirstOrDefault(modality => modality.Kind == ModalityKind.Image)?.Patch ?? given[0].Patch;
        var size = InputSize.Of(options, (given.FirstOrDefault(modality => modality.IsSpatial)?.TrainedGrid ?? (224 / patch)) * patch);
        var (rows, columns) = size.Patches(patch);
        var outputs = new EncoderOutputs(depth, options, []);
        var merge = new ModalityMerge(graph, given, modalities.Count(modality => modality.IsSpatial), options.Merge, rows, columns);

        // Images come first, so that the first input of the graph is one; the tokens keep the order that was asked for.
        var inputs = given.OrderBy(modality => modality.Kind).ToDictionary(modality => modality, modality => modality.Input(InputName(modality, given), rows, columns));
        var tokens = given.Select(modality => modality.Build(inputs[modality], rows, columns)).ToList();
        var x = tokens.Count == 1 ? tokens[0] : op.Concat(1, [.. tokens]);
        var warnings = new List<string>();
        if (Registers(graph, options, width, warnings) is { } registers)
        {
            merge.Registers = registers.KnownShape[1].Value!.Value;
            x = ClassToken.Prepend(graph, inputs[given[0]], x, registers);
        }

        var block = new TransformerBlock
        {
            Heads = options.Heads ?? HeadCount.Usual(weights.Source, width),
            Epsilon = Epsilon,
            Bias = null, // qkv, projection and MLP have theirs independently
            Mlp = encoder.Contains("encoder.0.mlp.fc3.weight") ? MlpForm.SwiGlu : MlpForm.Gelu,
            Attention = options.Attention,
        };
        for (var layer = 0; layer < outputs.Depth; layer++)
        {
            x = block.Build(graph, x, $"encoder.{layer}");
            if (outputs.Contains(layer))
            {
                merge.Output(outputs, outputs.IsLast(layer) ? graph.Normalize(x, "encoder_norm", Epsilon) : x, $"block_{layer}");
            }
        }

        var variant = TerraMindVariant.All.FirstOrDefault(variant => variant.Width == width && variant.Depth == depth);
        var first = given.FirstOrDefault(modality => modality.Kind == ModalityKind.Image);
        var bands = first?.Describe(options) ?? [];
        var single = given is [{ Kind: ModalityKind.Image }] && modalities.Count == 1;
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant?.Official ?? "TerraMind",
            Family = Name,
            Variant = variant?.Official,
            Task = ModelTask.Features,
            Bands = bands,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Patch = patch,
            GroundResolutionMetres = 10,
            Features = outputs.Features,
            Modalities = single ? [] : [.. modalities.Select(modality => modality.Describe(given.Contains(modality) ? InputName(modality, given) : null) is var entry && modality == first ? entry with { Bands = bands } : entry)],
        }, [.. modalities.SelectMany(modality => modality.Warnings), .. merge.Warnings, .. warnings, .. UnusedWeights.Warn(encoder, "encoder.", "encoder_norm.", Embeddings, "decoder", "mask_token", "missing_mod_token", "tokenizer", "sampler", "mod_emb")]);
    }

    /// <summary>The encoder's weights, whatever stands in front of their names; the copy for Thinking in Modalities has the longer prefix.</summary>
    private static StateDict Encoder(StateDict weights) => weights.Names.Where(name => name.Contains(Embeddings, StringComparison.Ordinal))
        .Select(name => name[..name.IndexOf(Embeddings, StringComparison.Ordinal)]).OrderBy(prefix => prefix.Length).FirstOrDefault() is { } prefix ? weights.Below(prefix)
        : throw new FileFormatException($"{weights.Source} has no weights '{Embeddings}…'; is it the checkpoint of another model?");

    private static string InputName(ModalityEmbedding modality, List<ModalityEmbedding> given) => given is [{ Kind: ModalityKind.Image }] ? "image" : modality.Name;

    private static bool IsMissing(ModalityEmbedding modality, BackboneOptions options) => options.MissingModalities.Contains(modality.Name, StringComparer.OrdinalIgnoreCase);

    private static Value? Registers(WeightedGraph graph, BackboneOptions options, long width, List<string> warnings)
    {
        if (graph.Weights.Contains(RegisterName) && options.Registers is not 0)
        {
            return graph.Weight(RegisterName, 1, options.Registers ?? -1, width);
        }

        if (options.Registers is not > 0)
        {
            return null;
        }

        warnings.Add($"{graph.Weights.Source} has no '{RegisterName}'; {options.Registers} random ones were drawn, so train them.");
        return graph.Op.Initializer(RegisterName, RandomTensors.Normal(options.Seed, RegisterName, [1, options.Registers.Value, width], 0.02));
    }

    private static void Check(List<ModalityEmbedding> modalities, BackboneOptions options)
    {
        if (modalities.GroupBy(modality => modality.Key).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ExportException($"The modality {twice.First().Name} is listed {twice.Count()} times ({string.Join(", ", twice.Select(modality => modality.Name))}); list each once.");
        }

        var names = modalities.Select(modality => modality.Name).ToList();
        if (options.MissingModalities.FirstOrDefault(missing => !names.Contains(missing, StringComparer.OrdinalIgnoreCase)) is { } unlisted)
        {
            throw new ExportException($"--missing names '{unlisted}', which is not among the modalities {string.Join(", ", names)}.{Spelling.DidYouMean(unlisted, names)}");
        }

        if (options.MissingModalities.Count > 0 && options.Merge != TokenMerge.Concat)
        {
            throw new ExportException($"A missing modality is filled with a learnt token when tokens are joined with --merge concat only; with {options.Merge.ToString().ToLowerInvariant()} leave it out of --modalities.");
        }

        if (modalities.All(modality => IsMissing(modality, options)))
        {
            throw new ExportException($"All modalities ({string.Join(", ", names)}) are missing; the model needs at least one as an input.");
        }

        CheckBands(modalities, options);
    }

    private static void CheckBands(List<ModalityEmbedding> modalities, BackboneOptions options)
    {
        var bands = options.Bands ?? [];
        var images = modalities.Where(modality => modality.Kind == ModalityKind.Image).Select(modality => modality.Name).ToList();
        if (images.Count > 1 && bands.FirstOrDefault(band => !band.Contains('.', StringComparison.Ordinal)) is { } plain)
        {
            throw new ExportException($"The band '{plain}' may belong to any of {string.Join(", ", images)}; write MODALITY.BAND, for example {images[0]}.{plain}.");
        }

        if (images.Count > 1 && (options.Means is not null || options.Deviations is not null))
        {
            throw new ExportException($"--means and --deviations describe one image; this model has {string.Join(", ", images)}, whose statistics are those of pretraining.");
        }

        if (bands.Select(band => band.Split('.', 2)).FirstOrDefault(parts => parts.Length == 2 && !images.Contains(parts[0], StringComparer.OrdinalIgnoreCase)) is { } stray)
        {
            throw new ExportException($"The band '{string.Join('.', stray)}' belongs to no image among the modalities ({string.Join(", ", images)}).{Spelling.DidYouMean(stray[0], images)}");
        }
    }
}
