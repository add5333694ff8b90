using System.Globalization;
using EoOnnx.Decoders;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.TerraTorch;

/// <summary>From the Lightning checkpoint of a TerraTorch task to one model: backbone, necks, decoder, head, softmax and manifest.</summary>
public static class TerraTorchExport
{
    /// <summary>Exports a task.</summary>
    /// <param name="path">The <c>.ckpt</c> file.</param>
    /// <param name="options">What is exported.</param>
    /// <exception cref="FileFormatException">The file is damaged, or a weight is absent or has another shape.</exception>
    /// <exception cref="ExportException">It is no TerraTorch task, or a part is not supported; the message names it and what is.</exception>
    public static ExportedTask FromCheckpoint(string path, TerraTorchOptions? options = null)
    {
        options ??= new TerraTorchOptions();
        var task = TaskCheckpoint.Open(path);
        var decoder = task.Decoder();
        var backbone = TaskBackbone.Of(task);
        var adapter = task.HasAdapter ? AdapterWeights.Split(task.Encoder) : null;
        var weights = TaskBackbone.Weights(adapter?.Encoder ?? task.Encoder);
        var tile = SizeOf(backbone, options);
        var padding = backbone.Padding(PatchOf(backbone, weights, options));
        var built = backbone.Family.Build(weights, backbone.Options(weights, Padded(tile, padding), options));
        var identity = adapter is null ? null : ExportedBackbone.IdentityOf(built.Graph);

        var op = new GraphBuilder(built.Graph);
        var images = built.Graph.Inputs.Where(input => input.Rank >= 4).ToList();
        var padded = images[0];
        var image = tile is { } size && (size.Height, size.Width) != (padded.KnownShape[-2].Value, padded.KnownShape[-1].Value) ? PadInputs(op, images, size, padding!) : padded;
        var prediction = Decode(op, task, decoder, built, padded);
        prediction = decoder.PredictsMap && image != padded ? ImagePadding.Crop(op, prediction, image) : prediction;
        var activation = options.Raw ? "none" : task.Task switch
        {
            ModelTask.Segmentation when decoder.Classes > 1 => "softmax",
            ModelTask.Classification => "softmax",
            ModelTask.Segmentation or ModelTask.Multilabel => "sigmoid",
            _ => "none",
        };
        built.Graph.SetOutputs();
        op.Output(activation switch { "softmax" => op.Softmax(prediction, 1), "sigmoid" => op.Sigmoid(prediction), _ => prediction }, activation == "none" ? "logits" : "probabilities");
        built.Graph.RemoveUnused();
        built.Graph.Sort();

        var manifest = built.Manifest with
        {
            Name = $"{backbone.Name} with {decoder.GetType().Name}",
            Variant = backbone.Name,
            Task = task.Task,
            Tile = tile is null ? built.Manifest.Tile : tile.Value.Edge,
            TileSize = tile?.Oblong,
            Classes = Classes(task, decoder, options),
            Features = [],
            Activation = activation,
            NoDataLabel = task.IgnoreIndex,
            Parts = [.. PartsOf(task, decoder, backbone, weights, built.Manifest, options), activation == "none" ? "scores as they are" : activation],
            Padding = padding is null ? null : new ManifestPadding(padding.Multiple, padding.Mode),
            Licence = options.Licence,
            Source = Path.GetFileName(path),
            SourceSha256 = FileHash.Sha256(path),
        };
        IReadOnlyList<string> warnings = [.. built.Warnings, .. Distortion(decoder, built), .. Warnings(task, options.Heads is null ? backbone.GuessedHeads(weights) : null), .. options.Means is null ? [Statistics(manifest)] : (string[])[]];
        return new ExportedTask(
            new ExportedBackbone(new BackboneModel(built.Graph, manifest with { Remarks = warnings }, warnings), identity),
            adapter is null ? null : TaskAdapter.Of(task, adapter, built.Graph));
    }

    // The patch edge is known once an encoder is built, and the tile depends on it: arguments say it, or the encoder for its own tile does.
    private static int? PatchOf(TaskBackbone backbone, Checkpoints.StateDict weights, TerraTorchOptions options) =>
        backbone.Padding(patch: null) is { } stated ? stated.Multiple / 2 : backbone.Family.Build(weights, backbone.Options(weights, null, options)).Manifest.Patch;

    private static InputSize? SizeOf(TaskBackbone backbone, TerraTorchOptions options) => (options.Tile ?? backbone.ImageSize, options.TileWidth) switch
    {
        ({ } height, var width) => new InputSize(height, width ?? height),
        (null, null) => null,
        _ => throw new ExportException("--tile-width is the width of an input whose height the task does not state; give --tile too."),
    };

    private static InputSize? Padded(InputSize? tile, ImagePadding? padding) =>
        tile is { } size && padding is not null ? new InputSize(checked((int)padding.Padded(size.Height)), checked((int)padding.Padded(size.Width))) : tile;

    /// <summary>Puts a padding between the images and the encoder; returns the new first image.</summary>
    private static Value PadInputs(GraphBuilder op, IReadOnlyList<Value> images, InputSize tile, ImagePadding padding)
    {
        var graph = op.Graph;
        Value? first = null;
        foreach (var inner in images)
        {
            var name = inner.Name;
            graph.Rename(inner, $"{name}.padded");
            var image = op.Input(name, inner.Type, inner.KnownShape.With(-2, tile.Height).With(-1, tile.Width));
            first ??= image;
            graph.ReplaceUses(inner, padding.Pad(op, image), _ => true);
            graph.RemoveInput(inner);
        }

        return first!;
    }

    private static Value Decode(GraphBuilder op, TaskCheckpoint task, Decoder decoder, BackboneModel built, Value image)
    {
        var features = built.Manifest.Features.Select(feature => built.Graph.FindOutput(feature.Output)!).ToList();
        var layers = new LayerBuilder(op, (name, shape, _) => WeightedGraph.Single(task.Weights.Take(name, shape)), LayerUse.Fixed);
        try
        {
            return decoder.Build(layers, features, image);
        }
        catch (DecoderException refusal)
        {
            throw new ExportException($"{task.Path}: {refusal.Message}", refusal);
        }
    }

    private static IReadOnlyList<ManifestClass> Classes(TaskCheckpoint task, Decoder decoder, TerraTorchOptions options)
    {
        if (task.Task is ModelTask.Regression or ModelTask.ScalarRegression)
        {
            return [];
        }

        if (options.ClassNames is { } given)
        {
            // One channel of a segmentation tells one class from the background, which may be named, too.
            return given.Count == decoder.Classes || (decoder.Classes == 1 && task.Task == ModelTask.Segmentation && given.Count == 2) ? [.. given.Select((name, id) => new ManifestClass(id, name))]
                : throw new ExportException($"{task.Path} predicts {decoder.Classes} classes; {given.Count} names were given ({string.Join(", ", given.Take(8))}). Name each, in the order of the channels.");
        }

        return task.ClassNames is { } names && names.Count == decoder.Classes
            ? [.. names.Select((name, id) => new ManifestClass(id, name))]
            : [.. Enumerable.Range(0, decoder.Classes).Select(id => new ManifestClass(id, $"class {id}"))];
    }

    private static IEnumerable<string> PartsOf(TaskCheckpoint task, Decoder decoder, TaskBackbone backbone, Checkpoints.StateDict weights, ModelManifest manifest, TerraTorchOptions options)
    {
        var depth = TaskBackbone.DepthOf(weights);
        var heads = options.Heads ?? backbone.StatedHeads(weights) ?? backbone.GuessedHeads(weights);
        yield return string.Create(CultureInfo.InvariantCulture, $"{backbone.Name}: {depth} blocks of width {manifest.Features[^1].Channels}{(heads is null ? "" : $", {heads} heads")}, patch {manifest.Patch}; {manifest.Features.Count} of them are used{(task.HasAdapter ? "; tuned by an adapter" : "")}");
        foreach (var (position, neck) in (decoder.Necks ?? []).Index())
        {
            yield return neck.GetType().Name + Count($"neck.{position}.");
        }

        yield return decoder.GetType().Name + Count("decoder.");
        if (decoder.Head is { } head)
        {
            yield return $"{head.GetType().Name} of {head.Outputs} channels{Count("head.")}";
        }

        string Count(string prefix)
        {
            var below = task.Weights.Below(prefix);
            var count = below.Names.Where(name => below.Peek(name)!.Type.IsFloatingPoint()).Sum(name => below.Peek(name)!.Count);
            return count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {count:N0} weights");
        }
    }

    private static string Statistics(ModelManifest manifest) => manifest.Bands.Any(band => band is not { Mean: 0, StandardDeviation: 1 })
        ? "The checkpoint holds no statistics of the bands: those of the backbone's pretraining were taken. If the task was trained with others, give them with --means and --deviations."
        : "Neither the checkpoint nor the backbone's pretraining states statistics of the bands: values go into the model as they are. If the task was trained with statistics, give them with --means and --deviations.";

    // A trap of the reference that a model trained with it has learnt, so that it is kept and said.
    private static IEnumerable<string> Distortion(Decoder decoder, BackboneModel built)
    {
        var grid = built.Manifest.Features.FirstOrDefault(feature => feature.GridHeight != feature.GridWidth && Math.Sqrt(feature.GridHeight * feature.GridWidth) % 1 == 0);
        if (grid is not null && decoder.Necks?.OfType<ReshapeTokensToImage>().Any(neck => neck.Height is null) == true)
        {
            yield return $"{grid.GridHeight} x {grid.GridWidth} patches are a square number, and TerraTorch's ReshapeTokensToImage lays them out as a square: the map is distorted as there. Choose another size.";
        }
    }

    private static IEnumerable<string> Warnings(TaskCheckpoint task, int? guessedHeads)
    {
        if (guessedHeads is { } heads)
        {
            yield return $"The task does not state the number of attention heads and its encoder has no published width; {heads} were taken. If predictions are wrong, give --heads.";
        }

        if (task.AuxiliaryHeads is { Count: > 0 } auxiliary)
        {
            yield return $"Auxiliary heads serve training only and were left out: {string.Join(", ", auxiliary)}.";
        }

        var unused = task.Weights.Unused.Where(name => !name.StartsWith("encoder.", StringComparison.Ordinal) && !name.StartsWith("aux_heads.", StringComparison.Ordinal)
            && !name.StartsWith("criterion.", StringComparison.Ordinal) && !name.EndsWith(".num_batches_tracked", StringComparison.Ordinal)).ToList();
        if (unused.Count > 0)
        {
            yield return $"{unused.Count} tensors of {task.Path} are not part of the exported model: {string.Join(", ", unused.Take(5))}{(unused.Count > 5 ? ", …" : "")}.";
        }
    }
}
