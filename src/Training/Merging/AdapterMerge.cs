using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Merging;

/// <summary>What a merge did.</summary>
/// <param name="Folded">Weights that took up a part of the adapter.</param>
/// <param name="Baked">Tensors of the adapter that stay in the graph as constants of their own.</param>
public sealed record MergeReport(IReadOnlyList<string> Folded, IReadOnlyList<string> Baked)
{
    /// <summary>The file that was written, if any.</summary>
    public string? Output { get; init; }
}

/// <summary>
/// Makes one plain model of a task model and an adapter. Low-rank updates and scaling vectors go into the weights beside them, replaced
/// weights take their places, and what fits into no weight becomes a constant. Outputs stay equal up to rounding.
/// </summary>
public static class AdapterMerge
{
    /// <summary>Merges files and writes the result atomically.</summary>
    /// <param name="model">The task model.</param>
    /// <param name="adapter">Its adapter: <c>.safetensors</c>, <c>.onnx_adapter</c> or a PEFT folder.</param>
    /// <param name="encoder">The encoder that the task was made from, to save the tuned encoder alone; null saves the whole model.</param>
    /// <param name="output">The new <c>.onnx</c> file.</param>
    /// <param name="name">What the manifest calls the result; null keeps the name.</param>
    /// <param name="deepness">Writes the form that QGIS Deepness opens, with these options; null writes the model as it is.</param>
    /// <exception cref="EoOnnxException">A file is damaged, or they do not fit each other.</exception>
    public static MergeReport Merge(string model, string adapter, string? encoder, string output, string? name = null, DeepnessOptions? deepness = null)
    {
        var (merged, report) = Merge(OnnxModel.Load(model), AdapterFile.Open(adapter));
        var result = encoder is null ? merged : Encoder(OnnxModel.Load(encoder), merged, report);
        if (name is not null && result.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json))
        {
            result.Metadata[ModelManifest.MetadataKey] = (ModelManifest.Parse(json) with { Name = name }).ToJson();
        }

        (deepness is null ? result : DeepnessForm.Write(result, deepness)).Save(output);
        return report with { Output = output };
    }

    /// <summary>A model without adapter slots.</summary>
    /// <param name="model">A task model; it is not changed.</param>
    /// <param name="adapter">Its adapter; null bakes the model's own defaults.</param>
    /// <returns>The merged model and what became of the adapter.</returns>
    /// <exception cref="AdapterException">The adapter belongs to another base, or names or shapes do not fit.</exception>
    /// <exception cref="TrainingException">The model has no slots.</exception>
    public static (OnnxModel Model, MergeReport Report) Merge(OnnxModel model, AdapterFile? adapter)
    {
        var manifest = model.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json) : null;
        adapter?.RequireBase(manifest?.WeightsSha256, manifest?.Name ?? model.Graph.Name);
        var merged = model.Clone();
        var slots = merged.Graph.Inputs.Where(input => input.Data is not null).ToList();
        if (slots.Count == 0)
        {
            throw new TrainingException($"{manifest?.Name ?? model.Graph.Name} has no slots for adapters, so there is nothing to merge. Use the model.onnx that train-adapter wrote beside the adapter.");
        }

        var baked = Bake(merged.Graph, slots, adapter?.ToOnnxAdapter().Tensors ?? new Dictionary<string, TensorData>());
        ConstantFolding.Run(merged, baked);
        var folded = ProductFolding.Run(merged.Graph);
        merged.Graph.RemoveUnused();
        merged.Graph.Sort();
        if (manifest is not null)
        {
            merged.Metadata[ModelManifest.MetadataKey] = ((adapter?.Manifest ?? manifest) with { WeightsSha256 = WeightsIdentity.Of(merged) }).ToJson();
        }

        return (merged, new MergeReport(folded, [.. merged.Graph.Initializers.Select(value => value.Name).Where(name => baked.Contains(name) && IsAdapterTensor(name)).Order(StringComparer.Ordinal)]));
    }

    /// <summary>The encoder of a merged task model, with its own outputs: the encoder's graph with the merged model's weights.</summary>
    /// <param name="encoder">The encoder that the task was made from; it is not changed.</param>
    /// <param name="merged">The merged model.</param>
    /// <param name="report">What the merge did.</param>
    /// <exception cref="TrainingException">The adapter added something that is no weight of the encoder, or the merged model stems from another encoder.</exception>
    public static OnnxModel Encoder(OnnxModel encoder, OnnxModel merged, MergeReport report)
    {
        if (report.Baked.FirstOrDefault(name => !TrainableTensor.IsBehindEncoder(name)) is { } addition)
        {
            throw new TrainingException($"The adapter's {addition} goes into no weight of the encoder, so the encoder alone cannot be saved. Merge the whole model instead.");
        }

        var copy = encoder.Clone();
        var replaced = 0;
        foreach (var value in copy.Graph.Initializers.Where(value => value.Type.IsFloatingPoint() && !value.Name.StartsWith("constant", StringComparison.Ordinal)).ToList())
        {
            if (merged.Graph.FindInitializer(value.Name) is not { Data: { } data })
            {
                continue;   // behind the feature that the task uses
            }

            if (!data.Shape.SequenceEqual(value.Data!.Shape))
            {
                throw new TrainingException($"{value.Name} is [{string.Join(", ", value.Data.Shape)}] in the encoder and [{string.Join(", ", data.Shape)}] in the merged model. Give the encoder that the task was trained on.");
            }

            GraphConstants.Replace(copy.Graph, value, data);
            replaced++;
        }

        if (replaced == 0)
        {
            throw new TrainingException($"None of the encoder's weights occurs in the merged model. Give the encoder that the task was trained on.");
        }

        if (copy.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json))
        {
            var manifest = ModelManifest.Parse(json);
            copy.Metadata[ModelManifest.MetadataKey] = (manifest with
            {
                WeightsSha256 = WeightsIdentity.Of(copy), SourceSha256 = null, Source = $"trained from {manifest.Source ?? "unknown weights"}",
            }).ToJson();
        }

        return copy;
    }

    /// <summary>Makes every slot a constant that holds the adapter's tensor or, where there is none, its default.</summary>
    private static HashSet<string> Bake(Graph graph, List<Value> slots, IReadOnlyDictionary<string, TensorData> tensors)
    {
        var unknown = tensors.Keys.Except(slots.Select(slot => slot.Name)).Order(StringComparer.Ordinal).ToList();
        if (unknown.Count > 0)
        {
            throw new AdapterException($"The adapter holds {unknown.Count} tensors that the model has no slot for, such as {unknown[0]}. Use the model that it was trained with.");
        }

        foreach (var slot in slots)
        {
            var data = tensors.GetValueOrDefault(slot.Name, slot.Data!);
            if (slot.Shape is { } shape && (shape.Rank != data.Shape.Length || shape.Where((extent, axis) => extent.Value is { } fixedExtent && fixedExtent != data.Shape[axis]).Any()))
            {
                throw new AdapterException($"{slot.Name} is [{string.Join(", ", data.Shape)}] in the adapter; the model takes {slot}. Use the model that it was trained with.");
            }

            graph.RemoveInput(slot);
            GraphConstants.Replace(graph, slot, data);
        }

        return [.. slots.Select(slot => slot.Name)];
    }

    // Tensors that replace a weight of the encoder under its own name are no additions.
    private static bool IsAdapterTensor(string name) => name.Contains(".lora_", StringComparison.Ordinal) || name.EndsWith(".ia3_l", StringComparison.Ordinal) || TrainableTensor.IsBehindEncoder(name)
        || BottleneckOptions.IsTensor(name) || PrefixOptions.IsTensor(name) || PromptOptions.IsTensor(name);
}
