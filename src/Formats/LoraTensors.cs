namespace EoOnnx.Formats;

/// <summary>What the names of an adapter's tensors mean, and how the scale of an update is folded into one of them.</summary>
/// <remarks>LoRA A [r, in, …] and B [out, r, …] make the update s·B·A with s = alpha / r, or alpha / √r with rsLoRA, where r is the first extent of A.</remarks>
public static class LoraTensors
{
    private const string MarkA = ".lora_A.";
    private const string MarkB = ".lora_B.";
    private const string MarkParallel = ".adapter_parallel.up.";

    /// <summary>True for the tensor that a layer's input goes through first.</summary>
    public static bool IsA(string name) => name.Contains(MarkA, StringComparison.Ordinal);

    /// <summary>True for the tensor behind it, and for its bias.</summary>
    public static bool IsB(string name) => name.Contains(MarkB, StringComparison.Ordinal);

    /// <summary>True for the second half of a parallel bottleneck adapter, which takes up that adapter's scale.</summary>
    public static bool IsParallelUp(string name) => name.Contains(MarkParallel, StringComparison.Ordinal);

    /// <summary>Path of the layer that a LoRA tensor belongs to.</summary>
    public static string LayerOf(string name) => name[..name.IndexOf(IsA(name) ? MarkA : MarkB, StringComparison.Ordinal)];

    /// <summary>The other half of a LoRA pair, for B's weight and bias alike A's weight; null for other tensors.</summary>
    public static string? Partner(string name) => IsA(name) ? name.Replace(MarkA, MarkB, StringComparison.Ordinal) : IsB(name) ? $"{LayerOf(name)}{MarkA}weight" : null;

    /// <summary>The factor s of an update.</summary>
    /// <param name="alpha">LoRA's alpha.</param>
    /// <param name="rank">First extent of A.</param>
    /// <param name="stabilized">True divides by the root of the rank (rsLoRA).</param>
    public static double Scale(double alpha, long rank, bool stabilized) => alpha / (stabilized ? Math.Sqrt(rank) : rank);

    /// <summary>A tensor times a number, rounded once.</summary>
    public static TensorData Scaled(TensorData tensor, double scale) =>
        scale == 1 ? tensor : TensorData.FromValues<float>(tensor.Shape.AsSpan(), Array.ConvertAll(tensor.ToSingles(), value => (float)(value * scale)));

    /// <summary>What is wrong with the LoRA pairs, as the rest of a sentence; null when all are whole and of one rank. ONNX Runtime would only fail inside a MatMul.</summary>
    public static string? Misfit(IReadOnlyDictionary<string, TensorData> tensors)
    {
        foreach (var (name, tensor) in tensors)
        {
            if (Partner(name) is not { } partner)
            {
                continue;
            }

            if (!tensors.TryGetValue(partner, out var other))
            {
                return $"holds '{name}' but not '{partner}'. The adapter is incomplete; save it again.";
            }

            if (IsA(name) && (tensor.Shape.Length < 2 || other.Shape.Length < 2 || tensor.Shape[0] != other.Shape[1] || tensor.Shape[0] == 0))
            {
                return $"holds '{name}' [{string.Join(", ", tensor.Shape)}] and '{partner}' [{string.Join(", ", other.Shape)}]; expected A [r, in, …] and B [out, r, …] with the same rank r.";
            }
        }

        return null;
    }
}
