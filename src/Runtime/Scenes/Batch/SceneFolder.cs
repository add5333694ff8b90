using Microsoft.Extensions.FileSystemGlobbing;

namespace EoOnnx.Runtime;

/// <summary>Searches a folder for scenes: files, and folders that are one scene each.</summary>
/// <param name="folder">The folder.</param>
/// <param name="excluded">A folder that is not searched; null excludes nothing.</param>
internal sealed class SceneFolder(string folder, string? excluded)
{
    // Work areas of unfinished maps hold no scenes.
    private const string WorkAreas = ".eoonnx";

    private readonly string _root = Path.GetFullPath(folder);
    private readonly string? _excluded = excluded is null || Path.GetFullPath(excluded) == Path.GetFullPath(folder) ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(excluded)) + Path.DirectorySeparatorChar;

    /// <summary>Products, and the files that match and lie in none of them.</summary>
    /// <param name="patterns">Names of files.</param>
    /// <param name="recursive">Search folders below, too.</param>
    /// <returns>Names below the folder, with <c>/</c>.</returns>
    public IEnumerable<(string Name, string Path)> Products(IReadOnlyList<string> patterns, bool recursive)
    {
        var products = Folders(_root, recursive ? int.MaxValue : 1).Where(SceneSources.IsProduct).ToList();
        return products.Select(Named).Concat(Outside(products, Files(patterns, recursive)));
    }

    /// <summary>The files that match.</summary>
    /// <param name="patterns">Names of files.</param>
    /// <param name="recursive">Search folders below, too.</param>
    public IEnumerable<(string Name, string Path)> Files(IReadOnlyList<string> patterns, bool recursive) =>
        Matcher(patterns.Select(pattern => recursive ? "**/" + pattern : pattern)).GetResultsInFullPath(_root).Where(IsSearched).Select(Named);

    /// <summary>Files, and products, that a pattern with folders matches; one that ends with <c>/</c> matches folders of any kind.</summary>
    /// <param name="pattern">A pattern below the folder.</param>
    public IEnumerable<(string Name, string Path)> Matching(string pattern)
    {
        var anyFolder = pattern.EndsWith('/');
        var matcher = Matcher([pattern.TrimEnd('/')]);
        var depth = pattern.Contains("**", StringComparison.Ordinal) ? int.MaxValue : pattern.TrimEnd('/').Split('/').Length;
        var folders = Folders(_root, depth).Where(path => matcher.Match(_root, Path.GetRelativePath(_root, path)).HasMatches && (anyFolder || SceneSources.IsProduct(path))).ToList();
        return folders.Select(Named).Concat(anyFolder ? [] : Outside(folders, Files([pattern], recursive: false)));
    }

    private static IEnumerable<(string Name, string Path)> Outside(List<string> folders, IEnumerable<(string Name, string Path)> files) =>
        files.Where(file => !folders.Exists(folder => file.Path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)));

    private static Matcher Matcher(IEnumerable<string> patterns)
    {
        var matcher = new Matcher();
        matcher.AddIncludePatterns(patterns);
        matcher.AddExclude($"**/*{WorkAreas}/**");
        return matcher;
    }

    // What lies in a product is part of it.
    private IEnumerable<string> Folders(string above, int depth)
    {
        foreach (var folder in Directory.EnumerateDirectories(above).Order(StringComparer.Ordinal).Where(folder => !folder.EndsWith(WorkAreas, StringComparison.OrdinalIgnoreCase) && IsSearched(folder + Path.DirectorySeparatorChar)))
        {
            yield return folder;
            foreach (var below in depth > 1 && !SceneSources.IsProduct(folder) ? Folders(folder, depth - 1) : [])
            {
                yield return below;
            }
        }
    }

    private bool IsSearched(string path) => _excluded is null || !path.StartsWith(_excluded, StringComparison.Ordinal);

    private (string, string) Named(string path) => (Path.GetRelativePath(_root, path).Replace('\\', '/'), path);
}
