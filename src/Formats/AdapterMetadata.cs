namespace EoOnnx.Formats;

/// <summary>The keys under which an <c>adapter.safetensors</c> keeps what is not a tensor. All values are text.</summary>
public static class AdapterMetadata
{
    /// <summary>Version of this set of keys: <c>1</c>.</summary>
    public const string Version = "eoonnx.version";

    /// <summary>Identity of the frozen base (<see cref="WeightsHash"/>); another base is refused.</summary>
    public const string BaseSha256 = "eoonnx.base_sha256";

    /// <summary>Name of the base, for messages.</summary>
    public const string BaseName = "eoonnx.base_name";

    /// <summary>LoRA's alpha, an invariant decimal number. The update is scaled by alpha / r.</summary>
    public const string LoraAlpha = "eoonnx.lora_alpha";

    /// <summary><c>true</c> when the update is scaled by alpha / √r instead.</summary>
    public const string UseRslora = "eoonnx.use_rslora";

    /// <summary>LoRA's dropout in training, an invariant decimal number.</summary>
    public const string LoraDropout = "eoonnx.lora_dropout";

    /// <summary>Scale of parallel bottleneck adapters, an invariant decimal number.</summary>
    public const string ParallelScale = "eoonnx.parallel_scale";

    /// <summary>How the adapter was trained, as JSON.</summary>
    public const string Recipe = "eoonnx.recipe";

    /// <summary>Validation metrics of the adapter, as JSON.</summary>
    public const string Metrics = "eoonnx.metrics";

    /// <summary>The manifest of the task, as JSON.</summary>
    public const string Manifest = "eoonnx.manifest";

    /// <summary>What PEFT puts in front of the path of every tensor of the wrapped model.</summary>
    public const string PeftPrefix = "base_model.model.";

    /// <summary>Name of the graph input that a tensor of an adapter file overrides.</summary>
    public static string GraphName(string fileName) => fileName.StartsWith(PeftPrefix, StringComparison.Ordinal) ? fileName[PeftPrefix.Length..] : fileName;
}
