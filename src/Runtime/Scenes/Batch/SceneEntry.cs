namespace EoOnnx.Runtime;

/// <summary>A scene of a list.</summary>
/// <param name="Name">What it is called, with <c>/</c> between folders: the path below the folder that was listed, or the id of a STAC item. Never depends on the order of a list.</param>
/// <param name="Path">What is opened, or the first of it: a full path, a URL or a name that GDAL understands.</param>
public sealed record SceneEntry(string Name, string Path)
{
    /// <summary>All that the scene is made of, and its grid; the path alone where nothing else is said.</summary>
    public SceneRequest Request { get => field ?? new SceneRequest { Sources = [Path] }; init; }

    /// <summary>What holds for this scene only.</summary>
    public SceneDetails Details { get; init; } = SceneDetails.None;

    /// <summary>What the scene is made of, as text: two entries with the same are one scene.</summary>
    internal string Content => string.Join('\n', [.. Request.Sources, .. Request.Modalities.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => $"{item.Key}={item.Value}")]);
}
