using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Gives the outputs of a graph the form that QGIS Deepness expects of maps.</summary>
/// <remarks>Source: Deepness 0.6.5, processing/models/segmentor.py and processing/map_processor/map_processor_segmentation.py: every output is a map.</remarks>
internal static class DeepnessMaps
{
    /// <summary>Leaves the heads that the manifest names, else the first output, with probabilities for classes.</summary>
    /// <exception cref="OnnxGraphException">An output is no map, or its probabilities are of the wrong kind.</exception>
    public static IReadOnlyList<DeepnessMap> Fix(Graph graph, ModelManifest manifest)
    {
        var heads = manifest.Heads.Count == 0 ? [new ManifestHead(graph.Outputs[0].Name, manifest.Classes)] : manifest.Heads;
        var outputs = heads.Select(head => graph.Outputs.FirstOrDefault(output => output.Name == head.Output) ?? throw new OnnxGraphException(
            $"The manifest of {manifest.Name} names a map '{head.Output}'; the outputs of its graph are {string.Join("; ", graph.Outputs)}.")).ToList();
        graph.SetOutputs();
        if (manifest.Task == ModelTask.Regression)
        {
            graph.SetOutputs([.. outputs]);
            return [.. heads.Select(head => new DeepnessMap(head.Output, 1, []))];
        }

        var channels = outputs.Select(output => ChannelsOf(output, manifest)).ToList();
        // The plugin has one threshold for all maps. Where none is asked for, softmax needs 0 and sigmoid a half: two classes by softmax are the same map without one.
        var isMixed = manifest.Threshold is null && channels.Contains(1) && channels.Exists(count => count > 1);
        return [.. heads.Zip(outputs, channels).Select(map => isMixed && map.Third == 1
            ? TwoClasses(graph, manifest, map.Second, map.First.Classes)
            : Probabilities(graph, manifest, map.Second, map.Third, map.First.Classes))];
    }

    private static int ChannelsOf(Value output, ModelManifest manifest)
    {
        var channels = output.Shape is { Rank: 4 } shape && shape[1].Value is { } count ? count : throw new OnnxGraphException(
            $"The output {output} of {manifest.Name} has no fixed number of classes; Deepness needs [batch, classes, height, width].");
        return channels <= DeepnessRules.MostClasses ? (int)channels
            : throw new OnnxGraphException($"{manifest.Name} has {channels} classes in the output {output}; Deepness holds at most {DeepnessRules.MostClasses}.");
    }

    private static DeepnessMap Probabilities(Graph graph, ModelManifest manifest, Value output, int channels, IReadOnlyList<ManifestClass> classes)
    {
        var (name, isSigmoid) = (output.Name, channels == 1);
        var wanted = isSigmoid ? "Sigmoid" : "Softmax";
        if (manifest.Activation != "none")
        {
            // Of several maps, the manifest names the activation of the first.
            Expect(manifest.Activation.Equals(wanted, StringComparison.OrdinalIgnoreCase) || (manifest.Heads.Count > 1 && output.Producer?.OpType == wanted), manifest, output, channels,
                isSigmoid ? "sigmoid for one channel" : "softmax for several");
            graph.AddOutput(output);
            return new DeepnessMap(name, channels, classes);
        }

        var op = new GraphBuilder(graph);
        graph.Rename(output, name + "/raw");
        op.Output(isSigmoid ? op.Sigmoid(output) : op.Softmax(manifest.Temperature is { } temperature ? op.Mul(output, 1 / temperature) : output, 1), name);
        return new DeepnessMap(name, channels, classes);
    }

    // softmax(0, z) = (1 − σ(z), σ(z)), whose larger one is the second where σ(z) is over a half.
    private static DeepnessMap TwoClasses(Graph graph, ModelManifest manifest, Value output, IReadOnlyList<ManifestClass> classes)
    {
        var name = output.Name;
        var isRaw = manifest.Activation == "none";
        Expect(isRaw || output.Producer?.OpType == "Sigmoid", manifest, output, 1, "sigmoid for one channel");
        var op = new GraphBuilder(graph);
        graph.Rename(output, name + "/raw");
        var score = isRaw ? output : output.Producer!.Input(0);
        op.Output(op.Softmax(op.Concat(1, op.Mul(score, 0), score), 1), name);
        IReadOnlyList<ManifestClass> named = classes.Count > 1 ? [.. classes.TakeLast(2)] : [new ManifestClass(0, "background"), classes.Count == 1 ? classes[0] with { Id = 1 } : new ManifestClass(1, "class 1")];
        return new DeepnessMap(name, 2, named);
    }

    private static void Expect(bool holds, ModelManifest manifest, Value output, int channels, string wanted)
    {
        if (!holds)
        {
            throw new OnnxGraphException($"{manifest.Name} ends in {manifest.Activation} over {channels} channels ({output.Name}); Deepness needs {wanted}. Export it with --raw.");
        }
    }
}
