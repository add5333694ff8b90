namespace EoOnnx.Runtime;

/// <summary>A scene of a list.</summary>
/// <param name="Name">What it is called, with <c>/</c> between folders: the path below the folder that was listed, or the id of a STAC item. Never depends on the order of a list.</param>
/// <param name="Path">What is opened: a full path, a URL or a name that GDAL understands.</param>
public sealed record SceneEntry(string Name, string Path);
