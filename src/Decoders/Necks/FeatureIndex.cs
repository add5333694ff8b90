using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>Choosing an entry of a list of features; negative numbers count from the end.</summary>
internal static class FeatureIndex
{
    /// <exception cref="DecoderException">There is no such entry.</exception>
    public static Value At(this IReadOnlyList<Value> features, int index, string who) =>
        index < features.Count && index >= -features.Count ? features[index < 0 ? index + features.Count : index]
            : throw new DecoderException($"{who} asks for feature {index}; the encoder and the necks before it give {features.Count} ({-features.Count} to {features.Count - 1}).");
}
