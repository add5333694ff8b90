using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>What QGIS Deepness demands of a file, checked one by one.</summary>
/// <remarks>Source: Deepness 0.6.5: processing/models/model_base.py, segmentor.py, regressor.py, superresolution.py.</remarks>
public static class DeepnessRules
{
    /// <summary>Classes are held in a byte, with one value for "none".</summary>
    public const int MostClasses = 254;

    // Contrib operators that ONNX Runtime 1.12 has in the form of today.
    private static readonly HashSet<string> OldContribOperators = new(StringComparer.Ordinal) { "FusedMatMul", "Gelu", "BiasGelu", "FastGelu", "FusedConv", "SkipLayerNormalization" };

    /// <summary>Every rule that a model breaks, in words; empty when Deepness opens it.</summary>
    public static IReadOnlyList<string> Check(OnnxModel model)
    {
        var broken = new List<string>();
        CheckVersions(model, broken);
        var channels = CheckInput(model.Graph, broken);
        CheckKeys(model, channels, broken);
        return broken;
    }

    /// <summary>What GeoDeep, which reads the same keys, makes of the model: null when it runs there, else why not.</summary>
    public static string? GeoDeepRemark(OnnxModel model) => model.Graph.Outputs.Count > 1 ? $"GeoDeep makes one map; this file has {model.Graph.Outputs.Count}." : model.Graph.Inputs.FirstOrDefault(input => input.Data is null)?.Shape is { Rank: 4 } shape && shape[1].Value is 3
        ? model.Metadata.ContainsKey(DeepnessKeys.Mean) ? "GeoDeep takes 3 bands of 8 bits and ignores the statistics." : null
        : "GeoDeep takes 3 bands of 8 bits only.";

    /// <summary>Refuses a model that breaks a rule.</summary>
    /// <exception cref="OnnxGraphException">The message lists every broken rule.</exception>
    public static void ThrowIfBroken(OnnxModel model)
    {
        var broken = Check(model);
        if (broken.Count > 0)
        {
            throw new OnnxGraphException($"{model.Graph.Name} cannot be opened by QGIS Deepness: {string.Join("; ", broken)}.");
        }
    }

    private static void CheckVersions(OnnxModel model, List<string> broken)
    {
        Expect(model.IrVersion <= OpsetLowering.TargetIr, $"its IR version is {model.IrVersion}; at most {OpsetLowering.TargetIr}", broken);
        Expect(model.Opsets.GetValueOrDefault("", 1) <= OpsetLowering.Target, $"its opset is {model.Opsets.GetValueOrDefault("", 1)}; at most {OpsetLowering.Target}", broken);
        var newer = model.Graph.AllNodes().Where(node => node.Domain.Length > 0 && !OldContribOperators.Contains(node.OpType)).Select(node => $"{node.Domain}.{node.OpType}").Distinct().ToList();
        Expect(newer.Count == 0, $"it has the operators {string.Join(", ", newer)}, which ONNX Runtime 1.12 does not know: export it with --attention standard", broken);
    }

    private static long CheckInput(Graph graph, List<string> broken)
    {
        var inputs = graph.Inputs.Where(input => input.Data is null).ToList();
        if (inputs is not [{ Type: ElementType.Float, Shape: { Rank: 4 } shape }])
        {
            broken.Add($"its inputs are {string.Join("; ", inputs)}; one float image [batch, bands, height, width]");
            return 0;
        }

        Expect(graph.Inputs.Count == 1, $"it has {graph.Inputs.Count - 1} overridable inputs; make them constants", broken);
        Expect(shape[1].Value is > 0 && shape[2].Value is > 0 && shape[2] == shape[3], $"its image is {shape}; bands and a square size must be fixed", broken);
        return shape[1].Value ?? 0;
    }

    private static void CheckKeys(OnnxModel model, long bands, List<string> broken)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var key in new[]
        {
            DeepnessKeys.ModelType, DeepnessKeys.ClassNames, DeepnessKeys.Resolution, DeepnessKeys.TileSize, DeepnessKeys.TilesSize, DeepnessKeys.Overlap, DeepnessKeys.Mean, DeepnessKeys.Deviation,
            DeepnessKeys.Threshold, DeepnessKeys.SmallSegment, DeepnessKeys.OutputScaling,
        }.Where(model.Metadata.ContainsKey))
        {
            try
            {
                values[key] = JsonSerializer.Deserialize<JsonElement>(model.Metadata[key]);
            }
            catch (JsonException failure)
            {
                broken.Add($"{key} is not JSON ({failure.Message})");
            }
        }

        CheckNumbers(model.Graph, values, broken);
        foreach (var key in new[] { DeepnessKeys.Mean, DeepnessKeys.Deviation })
        {
            var numbers = values.TryGetValue(key, out var list) && list.ValueKind == JsonValueKind.Array ? list.GetArrayLength() : -1;
            Expect(numbers == bands || (numbers < 0 && !values.ContainsKey(DeepnessKeys.Mean) && !values.ContainsKey(DeepnessKeys.Deviation)), $"{key} has {Math.Max(0, numbers)} numbers; one a band, {bands}", broken);
        }

        Expect(!values.TryGetValue(DeepnessKeys.Resolution, out var resolution) || resolution is { ValueKind: JsonValueKind.Number } && resolution.GetDouble() > 0, "resolution is not a positive number of centimetres", broken);
        Expect(!values.TryGetValue(DeepnessKeys.Overlap, out var overlap) || overlap.ValueKind == JsonValueKind.Number && overlap.TryGetInt32(out var percent) && percent is >= 0 and < 100, "tiles_overlap is not a whole percentage below 100", broken);
        var type = values.TryGetValue(DeepnessKeys.ModelType, out var named) && named.ValueKind == JsonValueKind.String ? named.GetString() : null;
        switch (type)
        {
            case "Segmentor":
                CheckSegmentor(model.Graph, values, broken);
                break;
            case "Regressor":
                CheckRegressor(model.Graph, broken);
                break;
            case "Superresolution":
                CheckSuperResolution(model.Graph, values, broken);
                break;
            default:
                broken.Add($"model_type is {model.Metadata.GetValueOrDefault(DeepnessKeys.ModelType) ?? "absent"}; \"Segmentor\", \"Regressor\" or \"Superresolution\"");
                break;
        }
    }

    // What is there must be what Deepness can use; for what is not there it asks its user.
    private static void CheckNumbers(Graph graph, Dictionary<string, JsonElement> values, List<string> broken)
    {
        var tile = graph.Inputs is [{ Shape: { Rank: 4 } image }, ..] ? image[^1].Value : null;
        foreach (var key in new[] { DeepnessKeys.TileSize, DeepnessKeys.TilesSize })
        {
            Number(key, size => size % 1 == 0 && (tile is null || size == tile), $"is not the graph's size, {tile}");
        }

        Number(DeepnessKeys.Threshold, threshold => threshold is >= 0 and <= 1, "is no probability from 0 to 1");
        Number(DeepnessKeys.SmallSegment, window => window is >= 0 and <= 99 && window % 1 == 0, "is no whole number from 0 to 99");
        Number(DeepnessKeys.OutputScaling, scaling => scaling != 0, "is no number other than 0");
        Expect(!values.TryGetValue(DeepnessKeys.Deviation, out var deviations) || deviations.ValueKind != JsonValueKind.Array
            || deviations.EnumerateArray().All(number => number.ValueKind == JsonValueKind.Number && number.GetDouble() > 0), $"{DeepnessKeys.Deviation} has numbers that are not positive; values are divided by them", broken);

        void Number(string key, Func<double, bool> holds, string rule) =>
            Expect(!values.TryGetValue(key, out var value) || (value.ValueKind == JsonValueKind.Number && holds(value.GetDouble())), $"{key} {rule}", broken);
    }

    private static void CheckRegressor(Graph graph, List<string> broken)
    {
        if (CheckMaps(graph, broken))
        {
            CheckSizes(graph, broken);
        }
    }

    // One image; where tiles overlap the plugin fails, since it writes whole answers into what a tile does not share.
    private static void CheckSuperResolution(Graph graph, Dictionary<string, JsonElement> values, List<string> broken)
    {
        if (graph.Outputs is not [{ Shape: { Rank: 4 } shape }])
        {
            broken.Add($"its outputs are {string.Join("; ", graph.Outputs)}; one image [batch, channels, height, width]");
            return;
        }

        Expect(graph.Inputs is [{ Shape: { Rank: 4 } image }, ..] && image[^1].Value is { } tile && shape[1].Value is > 0 && shape[^1].Value is { } size && shape[^2] == shape[^1] && size % tile == 0,
            $"its output is {shape}; a square of whole times as many pixels as the tile has", broken);
        Expect(values.TryGetValue(DeepnessKeys.Overlap, out var overlap) && overlap.ValueKind == JsonValueKind.Number && overlap.GetDouble() == 0, "tiles_overlap is not 0; tiles of a super-resolution must not overlap", broken);
    }

    private static bool CheckMaps(Graph graph, List<string> broken)
    {
        var holds = graph.Outputs.Count > 0 && graph.Outputs.All(output => output.Shape is { Rank: 3 or 4 });
        Expect(holds, $"its outputs are {string.Join("; ", graph.Outputs)}; maps [batch, channels, height, width]", broken);
        return holds;
    }

    // All maps share one canvas, so they have one size.
    private static void CheckSizes(Graph graph, List<string> broken)
    {
        foreach (var output in graph.Outputs)
        {
            CheckSize(graph, output.Shape!, broken);
        }

        Expect(graph.Outputs.Select(output => output.Shape![^1]).Distinct().Count() == 1, $"its outputs are {string.Join("; ", graph.Outputs)}; maps of one size", broken);
    }

    private static void CheckSize(Graph graph, TensorShape shape, List<string> broken)
    {
        if (graph.Inputs is [{ Shape: { Rank: 4 } image }, ..] && image[^1].Value is { } tile && shape[^1].Value is { } size)
        {
            Expect(size <= tile && (tile - size) / 2 * 2 == tile - size && (tile - size) / 2 % 2 == 0 && shape[^2] == shape[^1],
                $"its output has {shape[^2]} x {shape[^1]} pixels for a tile of {tile}; a square with an even border", broken);
        }
        else
        {
            broken.Add($"its output is {shape}; the size must be fixed");
        }
    }

    private static void CheckSegmentor(Graph graph, Dictionary<string, JsonElement> values, List<string> broken)
    {
        if (!CheckMaps(graph, broken))
        {
            return;
        }

        CheckSizes(graph, broken);
        // GeoDeep reads one object only; of several maps the plugin takes the names by their number.
        List<JsonElement> names = !values.TryGetValue(DeepnessKeys.ClassNames, out var named) ? []
            : graph.Outputs.Count == 1 ? [named]
            : named.ValueKind == JsonValueKind.Array ? [.. named.EnumerateArray()] : [];
        Expect(names.Count == graph.Outputs.Count, $"class_names names the classes of {names.Count} maps; {graph.Outputs.Count}, {(graph.Outputs.Count == 1 ? "as one object" : "as a list of objects")}", broken);
        foreach (var (output, classes) in graph.Outputs.Zip(names))
        {
            CheckClasses(output, classes, broken);
        }

        Expect(graph.Outputs.All(output => ChannelsOf(output) != 1) || (values.TryGetValue(DeepnessKeys.Threshold, out var threshold) && threshold.ValueKind == JsonValueKind.Number && threshold.GetDouble() > 0), "seg_thresh is 0; a sigmoid needs a positive one", broken);
    }

    private static long ChannelsOf(Value output) => output.Shape is { Rank: 4 } shape ? shape[1].Value ?? 0 : 1;

    private static void CheckClasses(Value output, JsonElement classes, List<string> broken)
    {
        var channels = ChannelsOf(output);
        var last = output.Producer?.OpType;
        Expect(channels is >= 1 and <= MostClasses, $"its output {output.Name} has {channels} classes; 1 to {MostClasses}", broken);
        Expect(last == (channels == 1 ? "Sigmoid" : "Softmax"), $"its output {output.Name} comes from {last ?? "an input"}; {(channels == 1 ? "Sigmoid" : "Softmax")}", broken);
        Expect(last != "Softmax" || output.Producer!.Int("axis", -1) is var axis && (axis == 1 || axis == 1 - output.Shape!.Rank), $"the Softmax of {output.Name} does not run over the classes (axis 1)", broken);
        var names = classes.ValueKind == JsonValueKind.Object ? classes.EnumerateObject().Select(item => item.Name).ToList() : [];
        Expect(names.SequenceEqual(Enumerable.Range(0, (int)channels).Select(id => $"{id}")), $"class_names of {output.Name} has the ids {string.Join(", ", names)}; 0 to {channels - 1}, as one object", broken);
    }

    private static void Expect(bool holds, string rule, List<string> broken)
    {
        if (!holds)
        {
            broken.Add(rule);
        }
    }
}
