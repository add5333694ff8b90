using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What a model is for the pipeline: its channels, frames, tile, scores and batch, taken from graph, manifest and options.</summary>
internal sealed class SceneModel
{
    private const int DefaultTile = 224;

    private float[]? _raw;

    private SceneModel(EoModel model, ModelManifest manifest) => (Model, Manifest) = (model, manifest);

    public EoModel Model { get; }

    /// <summary>The adapter's manifest where it has one, else the model's.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>Names of the input channels, frame by frame.</summary>
    public IReadOnlyList<string> Channels { get; private init; } = [];

    public int Frames { get; private init; } = 1;

    private IReadOnlyList<InputPart> Parts { get; init; } = [];

    private IReadOnlyDictionary<string, TensorData> Coordinates { get; init; } = new Dictionary<string, TensorData>();

    /// <summary>The graph takes the place of each tile, and the scene has one.</summary>
    public bool TakesPlaces { get; private init; }

    /// <summary>Size of the images that it takes.</summary>
    public PixelSize Tile { get; private init; }

    /// <summary>Tiles a call.</summary>
    public int Batch { get; set; }

    /// <summary>The graph takes this many tiles a call and no other number.</summary>
    public bool BatchIsFixed { get; private init; }

    public string Output { get; private init; } = "";

    /// <summary>How long the first run took.</summary>
    public TimeSpan FirstRun { get; private init; }

    /// <summary>What the process grew by in the first run.</summary>
    public long FirstRunBytes { get; private init; }

    /// <summary>Bands of scores: classes, values, or channels of an embedding.</summary>
    public int Classes { get; private init; }

    /// <summary>How the output lies in the tile.</summary>
    private OutputGrid Grid { get; init; }

    /// <summary>Map pixels for one of the scene along an edge.</summary>
    public int Upsampling => Grid.Upsampling;

    /// <summary>Pixels of the tile on every side that the output leaves out.</summary>
    public PixelSize Margin => Grid.Margin;

    /// <summary>Size of a tile in pixels of the map.</summary>
    public PixelSize MapTile => new(Tile.Width * Upsampling, Tile.Height * Upsampling);

    /// <summary>Numbers of an image: channels, frames, rows and columns.</summary>
    public int ImageLength => checked((int)(Channels.Count * Tile.Area));

    /// <summary>Numbers that the model writes for a tile apart from the scores; 0 when it writes these themselves.</summary>
    public int RawLength => HasMargin ? checked((int)(Classes * Grid.Size.Area)) : 0;

    /// <summary>The model answers for the middle of its tile only.</summary>
    private bool HasMargin => Margin != default;

    /// <summary>What the answer of an encoder looks like; null for a model of maps.</summary>
    public EmbeddingLayout? Layout { get; private init; }

    /// <summary>Elements of the output for one tile.</summary>
    public int ScoreLength { get; private init; }

    /// <summary>One image feeds the model, and nothing else; its output is the scores.</summary>
    public bool IsPlain => Parts.Count == 1 && Coordinates.Count == 0 && !TakesPlaces && !HasMargin;

    private bool HasFrameAxis => Model.Input.Shape.Count == 5;

    private long[] TileScoreShape { get; init; } = [];

    /// <summary>Extents of the input for some tiles.</summary>
    public long[] ImageShape(int count) => Shape(HasFrameAxis, count, Channels.Count / Frames, Frames, Tile);

    /// <summary>Extents of the output for some tiles.</summary>
    public long[] ScoreShape(int count) => [count, .. TileScoreShape];

    /// <summary>Prepares a run over some tiles of two batches. All runs of a model are of one thread.</summary>
    public TileRun Bind(ImageBatch images, ScoreBatch scores, int first, int count, EoAdapter? adapter)
    {
        var (image, score) = (ImageLength, ScoreLength);
        var whole = scores.Scores.AsMemory(first * score, count * score);
        var raw = !HasMargin ? default : (_raw ??= GC.AllocateArray<float>(checked(Batch * RawLength), pinned: true)).AsMemory(0, count * RawLength);
        return new TileRun(
            Model.Bind(images.Images.AsMemory(first * image, count * image), ImageShape(count), Output, HasMargin ? raw : whole, ScoreShape(count), adapter, Parts, Coordinates,
                TakesPlaces ? BoundInput.OfMemory(SceneCoordinates.Place, images.Places.AsMemory(2 * first, 2 * count), [count, 2]) : null),
            raw, whole, Grid.Size, MapTile);
    }

    /// <summary>Runs the model once on images that do not matter.</summary>
    public TensorData Try(Memory<float> images, long[] shape, EoAdapter? adapter, CancellationToken cancellation) => Try(Model, Parts, images, shape, Output, adapter, cancellation);

    private static TensorData Try(EoModel model, IReadOnlyList<InputPart> parts, Memory<float> images, long[] shape, string output, EoAdapter? adapter, CancellationToken cancellation) => parts.Count == 1
        ? model.Run(images, shape, [output], adapter, cancellation)[0]
        : model.Run(parts.ToDictionary(part => part.Input, part => Zeros([shape[0], part.Count, .. shape[2..]])), [output], adapter, cancellation)[0];

    private static TensorData Zeros(long[] shape) => TensorData.FromValues<float>(shape, new float[TensorData.CountOf(shape)]);

    /// <summary>Decides what the options leave open and asks the graph for the shape of its scores by one run on zeros, once for all scenes.</summary>
    /// <exception cref="ModelException">The graph gives no score for each pixel, or a number contradicts the options.</exception>
    public static SceneModel Describe(EoModel model, RasterDataset scene, SceneOptions options, CancellationToken cancellation)
    {
        if (!model.TakesImages)
        {
            throw new ModelException($"{model.Path} takes {string.Join("; ", model.Inputs)} and no image, so a scene has no map of it. Use eoonnx evaluate on arrays, or EoModel.Run.");
        }

        if (model.DeepnessKind is "DETECTOR" or "RECOGNITION")
        {
            throw new ModelException($"{model.Path} is a model of the kind {model.DeepnessKind.ToLowerInvariant()} for QGIS Deepness: it finds {(model.DeepnessKind == "DETECTOR" ? "boxes" : "places that look alike")} and gives no score for each pixel, so there is no map of it. " +
                "Maps are made by models of the kinds Segmentor, Regressor and Superresolution; run this one in QGIS.");
        }

        var channels = ModelChannels.Of(model, options.Adapter, scene.Bands.Count);
        var manifest = channels.Manifest;
        var input = model.Input.Shape;
        var (frames, bands) = (channels.Frames, channels.Names.Count / channels.Frames);
        var embedding = options.WantedEmbedding;
        if (embedding is null && manifest.Task is ModelTask.Classification or ModelTask.Multilabel or ModelTask.ScalarRegression)
        {
            throw new ModelException($"{model.Path} is a model of the kind {manifest.Task}: it answers for whole images, so a scene has no map of it. Use eoonnx evaluate on chips, or EoModel.Run for single images.");
        }

        var tile = TileSize(model, manifest, options);
        var output = OutputName(model, manifest, options);
        // Some graphs take any number of images and reshape the answers to a fixed one.
        var fixedBatch = (int)Math.Max(0, input[0] > 0 ? input[0] : model.Outputs.First(tensor => tensor.Name == output).Shape is [var batches, ..] ? batches : 0);
        var batch = fixedBatch > 0 ? fixedBatch : 1;
        var image = Shape(input.Count == 5, batch, bands, frames, tile);
        var first = ModelTrials.Of(model, options.Adapter, tile, channels.Names.Count, output).FirstRun(() => Try(model, channels.Parts, new float[TensorData.CountOf(image)], image, output, options.Adapter, cancellation));
        var scores = first.Scores;
        var layout = embedding is null ? null : scores.Type == ElementType.Float && scores.Shape[0] == batch
            ? EmbeddingLayout.Of(model.Path, manifest.Features.FirstOrDefault(item => item.Output == output), output, scores.Shape, tile, embedding.Pool)
            : throw new ModelException($"The output '{output}' of {model.Path} is {scores.Type} [{string.Join(", ", scores.Shape)}]; an embedding needs Float [batch, …]. Choose another output with --output.");
        var grid = layout is null ? OutputGrid.Of(model, manifest, output, scores, batch, tile) : new OutputGrid(tile, 1, default);
        var classes = layout is not null ? layout.Bands : scores.Shape.Length == 4 ? scores.Shape[1] : 1;
        // A model with several maps has classes for each.
        manifest = manifest.Heads.FirstOrDefault(head => head.Output == output) is { } chosen ? manifest with { Classes = chosen.Classes } : manifest;
        return new SceneModel(model, manifest)
        {
            Channels = channels.Names,
            Parts = channels.Parts,
            Coordinates = options.Opening?.Coordinates ?? new Dictionary<string, TensorData>(),
            Frames = frames,
            TakesPlaces = scene is { Projection.Length: > 0, Transform.IsNorthUp: true } && model.OptionalInputs.Any(optional => optional.Name == SceneCoordinates.Place),
            Tile = tile,
            Batch = fixedBatch > 0 ? fixedBatch : options.Batch ?? (model.Device.Kind == DeviceKind.Cuda ? 16 : 4),
            BatchIsFixed = fixedBatch > 0,
            Output = output,
            Grid = grid,
            TileScoreShape = [.. scores.Shape[1..]],
            ScoreLength = checked((int)(layout is not null ? TensorData.CountOf([.. scores.Shape[1..]]) : classes * tile.Area * grid.Upsampling * grid.Upsampling)),
            Layout = layout,
            FirstRun = first.Took,
            FirstRunBytes = first.Bytes,
            Classes = checked((int)classes),
        };
    }

    private static long[] Shape(bool frameAxis, int count, int bands, int frames, PixelSize tile) =>
        frameAxis ? [count, bands, frames, tile.Height, tile.Width] : [count, bands * frames, tile.Height, tile.Width];

    private static PixelSize TileSize(EoModel model, ModelManifest manifest, SceneOptions options)
    {
        var (height, width) = (model.Input.Shape[^2], model.Input.Shape[^1]);
        var wanted = options.Tile is { } edge ? new PixelSize(options.TileWidth ?? edge, edge) : options.TileWidth is { } across ? new PixelSize(across, Edge(height) ?? manifest.TileSize?.Height ?? manifest.Tile ?? across) : (PixelSize?)null;
        var stated = manifest.TileSize is { } size ? new PixelSize(size.Width, size.Height) : (PixelSize?)null;
        // An edge that the graph fixes holds for the other one, too, unless someone says otherwise.
        var open = wanted ?? stated ?? new PixelSize(Edge(width) ?? Edge(height) ?? manifest.Tile ?? DefaultTile, Edge(height) ?? Edge(width) ?? manifest.Tile ?? DefaultTile);
        var tile = new PixelSize(Edge(width) ?? open.Width, Edge(height) ?? open.Height);
        return wanted is null || wanted == tile ? tile
            : throw new ModelException($"The graph of {model.Path} takes tiles of {tile} pixels; {(options.TileWidth is null ? "--tile asks" : "--tile and --tile-width ask")} for {wanted}. Leave {(options.TileWidth is null ? "--tile" : "them")} out.");

        static int? Edge(long extent) => extent > 0 ? checked((int)extent) : null;
    }

    private static string OutputName(EoModel model, ModelManifest manifest, SceneOptions options)
    {
        if (options.Output is { } name)
        {
            return model.Outputs.Any(output => output.Name == name) ? name
                : throw new ModelException($"{model.Path} has no output '{name}'; its outputs are {string.Join("; ", model.Outputs)}.");
        }

        if (options.WantedEmbedding is not null)
        {
            // The last block says most; of models of other makers, the last output that is no map.
            return manifest.Features.LastOrDefault(feature => model.Outputs.Any(output => output.Name == feature.Output))?.Output
                ?? model.Outputs.LastOrDefault(output => output.Shape.Count == 3)?.Name
                ?? (manifest.Task == ModelTask.Features ? model.Outputs[^1].Name
                    : throw new ModelException($"{model.Path} is a model of the kind {manifest.Task} and names no features. Embed with the encoder that eoonnx export makes, or choose one of its outputs with --output: {string.Join("; ", model.Outputs)}."));
        }

        return DefaultOutput(model);
    }

    /// <summary>The output that is mapped when none is named.</summary>
    public static string DefaultOutput(EoModel model) =>
        (model.Outputs.FirstOrDefault(output => output.Name == "logits")
            ?? model.Outputs.FirstOrDefault(output => output.Shape.Count is 3 or 4 && output.Type == ElementType.Float)
            ?? model.Outputs[0]).Name;
}
