namespace EoOnnx.Runtime;

/// <summary>A scene of a batch and the map that it becomes.</summary>
/// <param name="Name">What the scene is called in summaries.</param>
/// <param name="Path">What is opened.</param>
/// <param name="Map">The map, a full path.</param>
public sealed record BatchScene(string Name, string Path, string Map);
