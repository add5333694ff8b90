using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>A model in the form that QGIS Deepness opens, made from a task model and its manifest.</summary>
/// <remarks>Source: Deepness 0.6.5, processing/models. It runs ONNX Runtime 1.12 to 1.17, hence opset 17 and IR 8.</remarks>
public static class DeepnessForm
{
    /// <summary>
    /// Writes the form: one square image as input, every other input a constant; opset 17; softmax or sigmoid at the end of each map of
    /// a segmentation; the keys that Deepness reads beside the manifest. A regression whose map is finer than its image is a super-resolution there.
    /// </summary>
    /// <param name="model">A task model with a manifest; it is not changed, its weights are shared.</param>
    /// <param name="options">What the manifest does not say; null for the defaults.</param>
    /// <exception cref="OnnxGraphException">Deepness cannot run such a model; the message says why and what would help.</exception>
    /// <exception cref="FileFormatException">The manifest is damaged.</exception>
    public static OnnxModel Write(OnnxModel model, DeepnessOptions? options = null)
    {
        options ??= new DeepnessOptions();
        var manifest = model.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json)
            : throw new OnnxGraphException($"{model.Graph.Name} has no manifest ({ModelManifest.MetadataKey}), so bands and classes for Deepness are unknown. Export the model with eoonnx export.");
        if (manifest.Task is not (ModelTask.Segmentation or ModelTask.Regression))
        {
            throw new OnnxGraphException($"{manifest.Name} is a model for {manifest.Task}; Deepness maps with models for segmentation and regression. Train a head first, with eoonnx train-adapter.");
        }

        var copy = model.Clone();
        var tile = FixInput(copy.Graph, manifest, options);
        var maps = DeepnessMaps.Fix(copy.Graph, manifest);
        copy.Graph.RemoveUnused();
        copy.Graph.Sort();
        foreach (var node in copy.Graph.Nodes)
        {
            ShapeInference.Infer(node);
        }

        var lowered = OpsetLowering.Lower(copy);
        lowered.Metadata[ModelManifest.MetadataKey] = (manifest with
        {
            Tile = tile,
            Activation = manifest.Task == ModelTask.Segmentation ? maps.All(map => map.Channels == 1) ? "sigmoid" : "softmax" : manifest.Activation,
            Heads = manifest.Heads.Count == 0 ? [] : [.. maps.Select(map => new ManifestHead(map.Output, map.Classes))],
        }).ToJson();
        var edge = lowered.Graph.Outputs[0].Shape is { Rank: 3 or 4 } shape && shape[^1].Value is { } pixels ? (int)pixels : tile;
        foreach (var (key, value) in DeepnessKeys.Of(manifest, options, maps, tile, edge))
        {
            lowered.Metadata[key] = value;
        }

        DeepnessRules.ThrowIfBroken(lowered);
        return lowered;
    }

    // One input of a fixed square size; what has a default becomes a constant.
    private static int FixInput(Graph graph, ModelManifest manifest, DeepnessOptions options)
    {
        foreach (var extra in graph.Inputs.Where(input => input.Data is not null).ToList())
        {
            graph.RemoveInput(extra);
        }

        if (manifest.Modalities.Count(modality => modality.Input is not null) is > 1 and var count)
        {
            throw new OnnxGraphException($"{manifest.Name} takes {count} modalities at once ({string.Join(", ", manifest.Modalities.Where(modality => modality.Input is not null).Select(modality => modality.Name))}). Deepness reads one raster layer, "
                + "gives it to a model as its one input [batch, bands, height, width] and refuses files with more; the second modality shows something else in every tile, so it can be no constant in the file either. "
                + "Map it with eoonnx infer, which takes each modality by name (--modality NAME=SOURCE), or train and export a task of one image modality.");
        }

        if (graph.Inputs is not [var image] || image.Type != ElementType.Float || image.Shape is not { Rank: 4 or 5 } shape)
        {
            throw new OnnxGraphException($"{manifest.Name} has the inputs {string.Join("; ", graph.Inputs)}; Deepness gives one float image [batch, bands, height, width]. Export it with the other inputs as constants.");
        }

        if (shape.Rank == 5 && shape[2].Value is not 1)
        {
            throw new OnnxGraphException($"{manifest.Name} takes {shape[2]} time steps; Deepness gives one image. Export it for one (--frames 1).");
        }

        var (height, width) = (shape[^2].Value, shape[^1].Value);
        var tile = options.Tile ?? (int?)(width ?? height) ?? manifest.Tile
            ?? throw new OnnxGraphException($"{manifest.Name} takes images of any size and its manifest names no tile; Deepness needs one. Say which with --tile.");
        if ((height ?? tile) != tile || (width ?? tile) != tile)
        {
            throw new OnnxGraphException($"{manifest.Name} takes images of {shape[^2]} x {shape[^1]} pixels; Deepness needs square tiles{(options.Tile is null ? "" : $", and {tile} was asked for")}. Export it for another size.");
        }

        if (manifest.Bands.Count == 0 || shape[1].Contradicts(manifest.Bands.Count))
        {
            throw new OnnxGraphException($"{manifest.Name} takes {shape[1]} bands; its manifest describes {manifest.Bands.Count}. Deepness needs statistics for each.");
        }

        if (shape.Rank == 4)
        {
            image.Shape = [shape[0], manifest.Bands.Count, tile, tile];
            return tile;
        }

        var op = new GraphBuilder(graph);
        var name = image.Name;
        graph.Rename(image, name + "/frames");
        var flat = op.Input(name, ElementType.Float, [shape[0], manifest.Bands.Count, tile, tile]);
        var framed = op.Unsqueeze(flat, 2);
        graph.ReplaceUses(image, framed);
        graph.RemoveInput(image);
        return tile;
    }
}
