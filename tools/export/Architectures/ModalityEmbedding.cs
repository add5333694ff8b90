using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// How one modality becomes tokens: pixels by a linear map of each patch, ids by a table; then a fixed position table and a learnt vector
/// of the modality are added. Sizes come from the weights; weights that the checkpoint lacks are drawn and named in a warning.
/// </summary>
internal sealed class ModalityEmbedding
{
    private const int UsualPatch = 16;
    private readonly WeightedGraph _graph;
    private readonly string _path;
    private readonly BackboneOptions _options;
    private readonly List<string> _warnings = [];
    private readonly int _newChannels;
    private BandSelection? _selection;

    /// <summary>Describes a modality, without adding anything to the graph.</summary>
    /// <param name="graph">The graph and its weights.</param>
    /// <param name="request">A name, or <c>NAME=CHANNELS</c> for a new modality.</param>
    /// <param name="width">Width of a token.</param>
    /// <param name="options">Bands and seed.</param>
    /// <exception cref="ExportException">The modality is not known and its channels are not stated.</exception>
    public ModalityEmbedding(WeightedGraph graph, string request, long width, BackboneOptions options)
    {
        (_graph, _options, Width) = (graph, options, width);
        var parts = request.Split('=', 2, StringSplitOptions.TrimEntries);
        Name = parts[0];
        if (parts.Length == 2)
        {
            _newChannels = int.TryParse(parts[1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var channels) && channels is > 0 and <= 4096
                ? channels
                : throw new ExportException($"The modality '{request}' states no number of channels; expected NAME=CHANNELS with 1 to 4096 channels, for example AERIAL=4.");
        }

        Known = parts.Length == 2 ? null : Modality.Find(Name);
        Key = Known?.Key ?? Name;
        _path = $"encoder_embeddings.{Key}";
        var hasTable = graph.Weights.Contains($"{_path}.token_emb.weight");
        if (Known is null && _newChannels == 0 && !hasTable && !graph.Weights.Contains($"{_path}.proj.weight"))
        {
            throw new ExportException($"{graph.Weights.Source} has no modality '{Name}'.{Spelling.DidYouMean(Name, Modality.All.Select(known => known.Name))} " +
                $"It has {string.Join(", ", Present(graph))}; give a new one with its number of channels, for example {Name}=4.");
        }

        Kind = Known?.Kind ?? (!hasTable ? ModalityKind.Image : graph.Weights.Peek($"{_path}.pos_emb") is { } table && Square(table.Shape[1]) ? ModalityKind.Tokens : ModalityKind.Sequence);
        (Channels, Patch) = Kind == ModalityKind.Image ? Layout() : (0, PatchOfOthers());
    }

    /// <summary>The name that the user gave.</summary>
    public string Name { get; }

    /// <summary>The name in the weights.</summary>
    public string Key { get; }

    /// <summary>The modality of pretraining; null for a new one.</summary>
    public Modality? Known { get; }

    /// <summary>What it is fed with.</summary>
    public ModalityKind Kind { get; }

    /// <summary>Patch edge in pixels.</summary>
    public int Patch { get; }

    /// <summary>Tokens of the modality, once it is built.</summary>
    public long Count { get; private set; }

    /// <summary>Width of a token.</summary>
    public long Width { get; }

    /// <summary>True for modalities whose tokens lie on the grid of patches.</summary>
    public bool IsSpatial => Kind != ModalityKind.Sequence;

    /// <summary>Channels that the weights take.</summary>
    private int Channels { get; }

    /// <summary>Bands of the input, with statistics.</summary>
    public IReadOnlyList<ManifestBand> Bands => Kind == ModalityKind.Image ? Selection.Bands : [];

    /// <summary>What the user should know.</summary>
    public IReadOnlyList<string> Warnings => [.. _warnings, .. _selection?.Warnings ?? []];

    /// <summary>Edge of the grid that the position table of the weights was made for; null when there is none.</summary>
    public int? TrainedGrid => IsSpatial && _graph.Weights.Peek($"{_path}.pos_emb") is { } table ? PositionTable.GridOf(table, 0) : null;

    /// <summary>Names of the modalities that the weights have.</summary>
    public static IEnumerable<string> Present(WeightedGraph graph) => graph.Weights.Names
        .Where(name => name.StartsWith("encoder_embeddings.", StringComparison.Ordinal) && name.EndsWith(".mod_emb", StringComparison.Ordinal))
        .Select(name => name["encoder_embeddings.".Length..^".mod_emb".Length]).Select(key => Modality.All.FirstOrDefault(known => known.Key == key)?.Name ?? key);

    /// <summary>Entry of the manifest.</summary>
    public ManifestModality Describe(string? input) => new(Name, input, Kind.ToString().ToLowerInvariant(), Kind == ModalityKind.Tokens ? Known?.Bands ?? [] : Bands,
        Kind == ModalityKind.Image ? null : (int)Table().Shape[0]);

    /// <summary>Bands of the input, with the statistics that the options state for a model with one image.</summary>
    public IReadOnlyList<ManifestBand> Describe(BackboneOptions options) => Selection.Describe(options);

    /// <summary>Adds the graph input.</summary>
    public Value Input(string name, int rows, int columns) => Kind switch
    {
        ModalityKind.Image => _graph.Op.Input(name, ElementType.Float, ["batch", Selection.Bands.Count, rows * Patch, columns * Patch]),
        ModalityKind.Tokens => _graph.Op.Input(name, ElementType.Int64, ["batch", rows, columns]),
        _ => _graph.Op.Input(name, ElementType.Int64, ["batch", Positions(0, 0).Shape[1]]),
    };

    /// <summary>Tokens [batch, count, width] of an input.</summary>
    public Value Build(Value input, int rows, int columns)
    {
        var op = _graph.Op;
        using var scope = op.Scope(_path);
        var x = Kind == ModalityKind.Image ? Project(input, rows, columns) : Look(input);
        var positions = Positions(rows, columns);
        Count = positions.Shape[1];
        return op.Add(x, op.Add(op.Initializer($"{_path}.pos_emb", positions), Learnt($"{_path}.mod_emb", [1, 1, Width])));
    }

    private BandSelection Selection => _selection ??= BandSelection.Match($"{_graph.Weights.Source} ({Name})", Named(_options.Bands),
        BandSelection.Trained($"{_graph.Weights.Source} ({Name})", Channels, Named(_options.TrainedBands), Known?.Bands ?? []));

    // Patches flattened in the order row, column, channel: what SpaceToDepth puts into the channels.
    private Value Project(Value image, int rows, int columns)
    {
        var op = _graph.Op;
        var (name, pixels) = ($"{_path}.proj.weight", (long)Patch * Patch);
        var weight = WeightedGraph.Single(Take(name, [Width, pixels * Channels], shape => RandomTensors.Uniform(_options.Seed, name, shape, Math.Sqrt(6.0 / (shape[0] + shape[1])))));
        var selected = Selection.Apply(weight, name, 2, [Width, pixels, Channels], _options.Seed).Reshape(Width, pixels * Selection.Bands.Count);
        var patches = op.Node("SpaceToDepth", [image], ("blocksize", (long)Patch));
        var flat = op.Transpose(op.Reshape(patches, 0, pixels * Selection.Bands.Count, (long)rows * columns), 0, 2, 1);
        return op.Linear(flat, op.Initializer(name, selected.Transposed()));
    }

    private Value Look(Value ids)
    {
        var op = _graph.Op;
        var name = $"{_path}.token_emb.weight";
        return op.Gather(op.Initializer(name, Table()), Kind == ModalityKind.Tokens ? op.Reshape(ids, 0, -1) : ids);
    }

    private TensorData Table() => WeightedGraph.Single(Take($"{_path}.token_emb.weight", [-1, Width], _ => RandomTensors.Normal(_options.Seed, $"{_path}.token_emb.weight", [Known!.Vocabulary, Width], 0.02)));

    private TensorData Positions(int rows, int columns)
    {
        var name = $"{_path}.pos_emb";
        if (!_graph.Weights.TryTake(name, out var table))
        {
            const int SequenceLength = 256;
            return IsSpatial ? SineCosineTables.Plane(rows, columns, (int)Width) : SineCosineTables.Line(SequenceLength, (int)Width);
        }

        return IsSpatial ? PositionTable.Resize(WeightedGraph.Single(_graph.Weights.Take(name, 1, -1, Width)), 0, rows, columns, PositionResampling.Bicubic) : WeightedGraph.Single(table);
    }

    private Value Learnt(string name, long[] shape) => _graph.Op.Initializer(name, WeightedGraph.Single(Take(name, shape, extents => RandomTensors.Normal(_options.Seed, name, extents, 0.02))));

    private TensorData Take(string name, long[] shape, Func<long[], TensorData> draw)
    {
        if (_graph.Weights.Contains(name))
        {
            return _graph.Weights.Take(name, shape);
        }

        if (_warnings.Count == 0)
        {
            _warnings.Add($"{_graph.Weights.Source} has no weights for the modality {Name}; random ones were drawn, so train them. It has {string.Join(", ", Present(_graph))}.");
        }

        return draw(shape);
    }

    /// <summary>Channels and patch edge: the weights tell their product only.</summary>
    private (int Channels, int Patch) Layout()
    {
        if (_graph.Weights.Peek($"{_path}.proj.weight") is not { Shape.Length: 2 } weight)
        {
            return (Known?.Bands.Count ?? _newChannels, PatchOfOthers());
        }

        var inputs = weight.Shape[1];
        var channels = _newChannels > 0 ? _newChannels : Named(_options.TrainedBands)?.Count ?? Known?.Bands.Count ?? 0;
        if (channels > 0 && inputs % channels == 0 && Square(inputs / channels))
        {
            return (channels, (int)Math.Round(Math.Sqrt(inputs / channels)));
        }

        var patch = PatchOfOthers();
        return inputs % (patch * patch) == 0 ? (checked((int)(inputs / (patch * patch))), patch) : throw new FileFormatException(
            $"{_graph.Weights.Source}: '{_path}.proj.weight' takes {inputs} numbers a patch, which is no number of channels times a square patch. Is this the checkpoint of another model?");
    }

    // All modalities lie on one grid. An image of pretraining, whose channels are known, tells its patches.
    private int PatchOfOthers() => Modality.All.Where(known => known.Kind == ModalityKind.Image)
        .Select(known => _graph.Weights.Peek($"encoder_embeddings.{known.Key}.proj.weight") is { Shape: [_, var inputs] } && inputs % known.Bands.Count == 0 && Square(inputs / known.Bands.Count)
            ? (int)Math.Round(Math.Sqrt(inputs / known.Bands.Count)) : 0)
        .FirstOrDefault(patch => patch > 0) is > 0 and var found ? found : UsualPatch;

    // MODALITY.BAND belongs to one modality; a plain name to the only image.
    private List<string>? Named(IReadOnlyList<string>? bands)
    {
        var own = bands?.Select(band => band.Split('.', 2)).Where(parts => parts.Length == 1 || string.Equals(parts[0], Name, StringComparison.OrdinalIgnoreCase)).Select(parts => parts[^1]).ToList();
        return own is { Count: > 0 } ? own : null;
    }

    private static bool Square(long number) => (long)Math.Round(Math.Sqrt(number)) is var root && root * root == number;
}
