using System.Diagnostics;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What a model is for the pipeline: its channels, frames, tile, scores and batch, taken from graph, manifest and options.</summary>
internal sealed class SceneModel
{
    private const int DefaultTile = 224;

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

    public int Tile { get; private init; }

    /// <summary>Tiles a call.</summary>
    public int Batch { get; set; }

    /// <summary>The graph takes this many tiles a call and no other number.</summary>
    public bool BatchIsFixed { get; private init; }

    public string Output { get; private init; } = "";

    /// <summary>How long the first run took.</summary>
    public TimeSpan FirstRun { get; private init; }

    /// <summary>What the process grew by in the first run.</summary>
    public long FirstRunBytes { get; private init; }

    /// <summary>Channels of the output.</summary>
    public int Classes { get; private init; }

    private bool HasFrameAxis => Model.Input.Shape.Count == 5;

    private bool OutputHasClassAxis { get; init; }

    /// <summary>Extents of the input for some tiles.</summary>
    public long[] ImageShape(int count) => Shape(HasFrameAxis, count, Channels.Count / Frames, Frames, Tile);

    /// <summary>Extents of the output for some tiles.</summary>
    public long[] ScoreShape(int count) => OutputHasClassAxis ? [count, Classes, Tile, Tile] : [count, Tile, Tile];

    /// <summary>Prepares a run over some tiles of two batches.</summary>
    public EoModelBinding Bind(ImageBatch images, ScoreBatch scores, int first, int count, EoAdapter? adapter)
    {
        var (image, score) = (Channels.Count * Tile * Tile, Classes * Tile * Tile);
        return Model.Bind(images.Images.AsMemory(first * image, count * image), ImageShape(count), Output, scores.Scores.AsMemory(first * score, count * score), ScoreShape(count), adapter, Parts, Coordinates,
            TakesPlaces ? BoundInput.OfMemory(SceneCoordinates.Place, images.Places.AsMemory(2 * first, 2 * count), [count, 2]) : null);
    }

    /// <summary>Runs the model once on images that do not matter.</summary>
    public TensorData Try(Memory<float> images, long[] shape, EoAdapter? adapter, CancellationToken cancellation) => Try(Model, Parts, images, shape, Output, adapter, cancellation);

    private static TensorData Try(EoModel model, IReadOnlyList<InputPart> parts, Memory<float> images, long[] shape, string output, EoAdapter? adapter, CancellationToken cancellation) => parts.Count == 1
        ? model.Run(images, shape, [output], adapter, cancellation)[0]
        : model.Run(parts.ToDictionary(part => part.Input, part => Zeros([shape[0], part.Count, .. shape[2..]])), [output], adapter, cancellation)[0];

    private static TensorData Zeros(long[] shape) => TensorData.FromValues<float>(shape, new float[TensorData.CountOf(shape)]);

    /// <summary>Decides what the options leave open and asks the graph for the shape of its scores by one run on zeros.</summary>
    /// <exception cref="ModelException">The graph gives no score for each pixel, or a number contradicts the options.</exception>
    public static SceneModel Describe(EoModel model, RasterDataset scene, SceneOptions options, CancellationToken cancellation)
    {
        if (!model.TakesImages)
        {
            throw new ModelException($"{model.Path} takes {string.Join("; ", model.Inputs)} and no image, so a scene has no map of it. Use eoonnx evaluate on arrays, or EoModel.Run.");
        }

        var channels = ModelChannels.Of(model, options.Adapter, scene.Bands.Count);
        var manifest = channels.Manifest;
        var input = model.Input.Shape;
        var (frames, bands) = (channels.Frames, channels.Names.Count / channels.Frames);
        if (manifest.Task is ModelTask.Classification or ModelTask.Multilabel or ModelTask.ScalarRegression)
        {
            throw new ModelException($"{model.Path} is a model of the kind {manifest.Task}: it answers for whole images, so a scene has no map of it. Use eoonnx evaluate on chips, or EoModel.Run for single images.");
        }

        var tile = TileEdge(model, manifest, options);
        var fixedBatch = input[0] > 0 ? (int)input[0] : 0;
        var output = OutputName(model, options);
        var batch = fixedBatch > 0 ? fixedBatch : 1;
        var image = Shape(input.Count == 5, batch, bands, frames, tile);
        var (before, start) = (Environment.WorkingSet, Stopwatch.GetTimestamp());
        var scores = Try(model, channels.Parts, new float[TensorData.CountOf(image)], image, output, options.Adapter, cancellation);
        if (scores.Type != ElementType.Float || scores.Shape.Length is not (3 or 4) || scores.Shape[^1] != tile || scores.Shape[^2] != tile || scores.Shape[0] != batch)
        {
            throw new ModelException($"The output '{output}' of {model.Path} is {scores.Type} [{string.Join(", ", scores.Shape)}] for a tile of {tile} x {tile}; a map needs Float [batch, classes, {tile}, {tile}]. " +
                "Choose another output with --output, or a task model that train-adapter made.");
        }

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
            OutputHasClassAxis = scores.Shape.Length == 4,
            FirstRun = Stopwatch.GetElapsedTime(start),
            FirstRunBytes = Math.Max(0, Environment.WorkingSet - before),
            Classes = scores.Shape.Length == 4 ? checked((int)scores.Shape[1]) : 1,
        };
    }

    private static long[] Shape(bool frameAxis, int count, int bands, int frames, int tile) => frameAxis ? [count, bands, frames, tile, tile] : [count, bands * frames, tile, tile];

    private static int TileEdge(EoModel model, ModelManifest manifest, SceneOptions options)
    {
        var (height, width) = (model.Input.Shape[^2], model.Input.Shape[^1]);
        if (height > 0 && width > 0 && height != width)
        {
            throw new ModelException($"{model.Path} takes tiles of {width} x {height}; the scene pipeline cuts squares. Export it with a square tile.");
        }

        var stated = Math.Max(height, width);
        if (stated > 0 && options.Tile is { } wanted && wanted != stated)
        {
            throw new ModelException($"The graph of {model.Path} takes tiles of {stated} pixels; --tile asks for {wanted}. Leave --tile out.");
        }

        return stated > 0 ? checked((int)stated) : options.Tile ?? manifest.Tile ?? DefaultTile;
    }

    private static string OutputName(EoModel model, SceneOptions options)
    {
        if (options.Output is { } name)
        {
            return model.Outputs.Any(output => output.Name == name) ? name
                : throw new ModelException($"{model.Path} has no output '{name}'; its outputs are {string.Join("; ", model.Outputs)}.");
        }

        return (model.Outputs.FirstOrDefault(output => output.Name == "logits")
            ?? model.Outputs.FirstOrDefault(output => output.Shape.Count is 3 or 4 && output.Type == ElementType.Float)
            ?? model.Outputs[0]).Name;
    }
}
