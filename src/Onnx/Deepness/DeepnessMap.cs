using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>A map that a model makes in QGIS Deepness.</summary>
/// <param name="Output">Name of the graph output.</param>
/// <param name="Channels">Its channels; 1 for a regression, of which Deepness takes the first.</param>
/// <param name="Classes">Its classes; empty when they have no names or there are none.</param>
internal sealed record DeepnessMap(string Output, int Channels, IReadOnlyList<ManifestClass> Classes);
