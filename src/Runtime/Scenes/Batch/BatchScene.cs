namespace EoOnnx.Runtime;

/// <summary>A scene of a batch and the map that it becomes.</summary>
/// <param name="Name">What the scene is called in summaries.</param>
/// <param name="Path">What is opened, or the first of it.</param>
/// <param name="Map">The map, a full path.</param>
public sealed record BatchScene(string Name, string Path, string Map)
{
    /// <summary>All that the scene is made of, and its grid; the path alone where nothing else is said.</summary>
    public SceneRequest Request { get => field ?? new SceneRequest { Sources = [Path] }; init; }

    /// <summary>What holds for this scene only.</summary>
    public SceneDetails Details { get; init; } = SceneDetails.None;

    /// <summary>Every file, folder and URL that the scene is made of.</summary>
    public IEnumerable<string> AllSources() => Request.Sources.Concat(Request.Modalities.Values);
}
