using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Composition;

/// <summary>An encoder's feature output.</summary>
/// <param name="Value">[batch, prefix + N, channels], [batch, channels, rows, columns] or [batch, channels].</param>
/// <param name="Manifest">Its description.</param>
internal sealed record EncoderFeature(Value Value, ManifestFeature Manifest);
