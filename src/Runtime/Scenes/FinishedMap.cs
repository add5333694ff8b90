using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A map that an earlier run of the same job has completed.</summary>
/// <param name="Path">The map.</param>
/// <param name="Size">Its pixels.</param>
/// <param name="Report">Its report; null when the file beside the map is gone.</param>
public sealed record FinishedMap(string Path, PixelSize Size, SceneReport? Report);
