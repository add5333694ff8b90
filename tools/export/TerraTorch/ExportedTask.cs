using System.Text.Json.Nodes;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.TerraTorch;

/// <summary>A task that is ready to be written.</summary>
/// <param name="Exported">The model, with its manifest. Of an adapted encoder it is the base, before the adapter.</param>
/// <param name="Adapter">The adapter of the encoder; null when it was trained without one.</param>
public sealed record ExportedTask(ExportedBackbone Exported, TaskAdapter? Adapter);

/// <summary>The adapter of a task's encoder.</summary>
/// <param name="Tensors">Its tensors as PEFT's files name them, below the encoder: <c>blocks.0.attn.qkv.q_linear.lora_A.weight</c> [r, in].</param>
/// <param name="LoraAlpha">LoRA's alpha; null for other methods.</param>
/// <param name="UseRslora">The update is scaled by alpha / √r instead of alpha / r.</param>
public sealed record TaskAdapter(IReadOnlyDictionary<string, TensorData> Tensors, double? LoraAlpha, bool UseRslora)
{
    /// <summary>What a checkpoint holds, without the layers that the exported model does not need.</summary>
    /// <exception cref="ExportException">A method or a setting of PEFT that is not supported.</exception>
    internal static TaskAdapter Of(TaskCheckpoint task, AdapterWeights weights, Graph graph)
    {
        var configuration = task.Arguments["peft_config"] as JsonObject ?? throw new ExportException($"{task.Path} has weights of PEFT but no peft_config in its model_args.");
        var method = configuration["method"]?.ToString();
        if (method is not ("LORA" or "IA3"))
        {
            throw new ExportException($"{task.Path} was trained with the PEFT method '{method}'; supported are LORA (with DoRA and rsLoRA) and IA3.");
        }

        var arguments = configuration["peft_config_kwargs"] as JsonObject ?? [];
        if (arguments["alpha_pattern"] is JsonObject { Count: > 0 })
        {
            throw new ExportException($"{task.Path} gives layers different alphas (alpha_pattern), which one adapter file cannot say; merge the adapter in PEFT and save the task again.");
        }

        // PEFT's default alpha is 8.
        var alpha = arguments["lora_alpha"] is JsonValue value && value.TryGetValue<double>(out var number) ? number : 8;
        return new TaskAdapter(
            weights.Adapter.Select(item => KeyValuePair.Create(TaskBackbone.PlainName(item.Key), item.Value)).Where(item => IsPresent(graph, item.Key)).ToDictionary(StringComparer.Ordinal),
            method == "LORA" ? alpha : null,
            arguments["use_rslora"] is JsonValue flag && flag.TryGetValue<bool>(out var isStabilized) && isStabilized);
    }

    // Blocks behind the last feature that the decoder reads are left out of the model.
    private static bool IsPresent(Graph graph, string name)
    {
        var layer = name[..name.LastIndexOf(name.Contains(".ia3_l", StringComparison.Ordinal) ? ".ia3_l" : ".lora_", StringComparison.Ordinal)];
        var fused = layer.EndsWith("_linear", StringComparison.Ordinal) ? layer[..layer.LastIndexOf('.')] : layer;
        return graph.FindInitializer($"{layer}.weight") is not null || graph.FindInitializer($"{fused}.weight") is not null;
    }
}
