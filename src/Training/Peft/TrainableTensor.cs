using EoOnnx.Formats;

namespace EoOnnx.Training.Peft;

/// <summary>A tensor that training changes: an overridable input of the task's graphs.</summary>
/// <param name="Name">Name of the graph input.</param>
/// <param name="FileName">Name in <c>adapter.safetensors</c>: <c>base_model.model.</c> before the name of an encoder's tensor, as PEFT
/// writes it; decoder and head tensors keep their name.</param>
/// <param name="InferenceScale">What the stored value is multiplied with before an inference graph takes it: alpha / r for LoRA's B,
/// whose scaling is a constant of the training graph; 1 for all others.</param>
public sealed record TrainableTensor(string Name, string FileName, double InferenceScale = 1)
{
    /// <summary>What PEFT puts before the names of the wrapped model's tensors.</summary>
    public const string EncoderPrefix = AdapterMetadata.PeftPrefix;

    // TerraTorch's names for what stands behind the encoder. PEFT's prefix marks tensors of the wrapped encoder only.
    private static readonly string[] BehindEncoder = ["neck.", "decoder.", "head.", "aux_heads."];

    /// <summary>True for a tensor of neck, decoder or head, by its name in the graph.</summary>
    internal static bool IsBehindEncoder(string name) => BehindEncoder.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The value that an inference graph takes for a trained value.</summary>
    public TensorData ForInference(TensorData trained) => LoraTensors.Scaled(trained, InferenceScale);
}
