namespace EoOnnx.Runtime;

/// <summary>
/// Names maps after their scenes: <c>{stem}</c> is the scene's file name without ending (or its STAC id), <c>{folder}</c> its folder below the
/// one that was listed. Two scenes never get one map: that is refused before anything is written.
/// </summary>
public sealed record MapNaming
{
    private static readonly StringComparer PathComparer = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    // Whatever else has a point in a scene's name is part of it: ids of products do.
    private static readonly string[] Endings = [.. SceneListOptions.DefaultPatterns.Select(pattern => Path.GetExtension(pattern)), ".nc", ".json", ".xml", ".SAFE", ".zarr"];

    /// <summary>The folder of all maps.</summary>
    public required string Folder { get; init; }

    /// <summary>The name of a map below <see cref="Folder"/>.</summary>
    public string Pattern { get; init => field = value.EndsWith(".tif", StringComparison.OrdinalIgnoreCase) && value.Contains("{stem}", StringComparison.Ordinal)
        && value.Replace("{stem}", "", StringComparison.Ordinal).Replace("{folder}", "", StringComparison.Ordinal).AsSpan().IndexOfAny('{', '}') < 0 ? value
        : throw new ArgumentOutOfRangeException(nameof(Pattern), value, $"'{value}' is no pattern for names of maps; expected one with {{stem}}, perhaps {{folder}}, that ends in .tif, such as {{folder}}/{{stem}}.tif."); } = "{stem}.tif";

    /// <summary>Gives every scene its map.</summary>
    /// <exception cref="BatchException">Two scenes would become one map, or a map would replace a scene.</exception>
    public IReadOnlyList<BatchScene> Apply(IReadOnlyList<SceneEntry> scenes)
    {
        ArgumentNullException.ThrowIfNull(scenes);
        var root = Path.GetFullPath(Folder);
        var planned = scenes.Select(scene => new BatchScene(scene.Name, scene.Path, Path.GetFullPath(NameOf(scene), root)) { Request = scene.Request, Details = scene.Details }).ToArray();
        if (planned.GroupBy(scene => scene.Map, PathComparer).FirstOrDefault(group => group.Count() > 1) is { } collision)
        {
            throw new BatchException($"{string.Join(" and ", collision.Take(3).Select(scene => scene.Name))} would all become {collision.Key}. Keep them apart with --name '{{folder}}/{{stem}}.tif', or map them in separate runs.");
        }

        var sources = planned.SelectMany(scene => scene.AllSources()).ToHashSet(PathComparer);
        return planned.FirstOrDefault(scene => sources.Contains(scene.Map)) is { } replaced
            ? throw new BatchException($"The map of {replaced.Name} would replace the scene {replaced.Map}. Choose another --out-dir, or a name such as --name '{{stem}}_map.tif'.")
            : planned;
    }

    private string NameOf(SceneEntry scene)
    {
        // Names come from files and servers: no part of them may lead out of the folder.
        var parts = scene.Name.Split('/').Where(part => part.Length > 0).Select(Safe).ToArray();
        var last = parts.Length > 0 ? parts[^1] : "scene";
        var stem = Endings.FirstOrDefault(ending => last.EndsWith(ending, StringComparison.OrdinalIgnoreCase)) is { } known ? last[..^known.Length] : last;
        var folder = string.Join('/', parts.SkipLast(1));
        return Pattern.Replace("{stem}", stem, StringComparison.Ordinal).Replace("{folder}", folder, StringComparison.Ordinal).TrimStart('/');
    }

    private static string Safe(string part)
    {
        var safe = string.Concat(part.Select(character => char.IsControl(character) || "<>:\"|?*\\".Contains(character, StringComparison.Ordinal) ? '_' : character));
        return safe.All(character => character == '.') ? new string('_', safe.Length) : safe;
    }
}
