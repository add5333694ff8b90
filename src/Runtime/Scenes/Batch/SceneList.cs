using Microsoft.Extensions.FileSystemGlobbing;

namespace EoOnnx.Runtime;

/// <summary>Turns folders, globs, list files and STAC documents into a list of scenes, sorted by name.</summary>
public static class SceneList
{
    /// <summary>Lists scenes.</summary>
    /// <param name="inputs">Folders, files, globs (<c>*</c>, <c>**</c>), and STAC items, item collections or collections as <c>.json</c> files or URLs.</param>
    /// <param name="options">How folders are searched.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="BatchException">Something does not exist, a STAC document is damaged, or no scene was found.</exception>
    /// <exception cref="IOException">A folder or file cannot be read.</exception>
    public static async Task<IReadOnlyList<SceneEntry>> ReadAsync(IReadOnlyList<string> inputs, SceneListOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= new SceneListOptions();
        var scenes = new List<SceneEntry>();
        foreach (var input in inputs)
        {
            scenes.AddRange(await ReadAsync(input, options, cancellation).ConfigureAwait(false));
        }

        return scenes.Count == 0
            ? throw new BatchException($"There is no scene in {string.Join(", ", inputs)}. Searched for {string.Join(", ", options.Patterns)}; choose others with --pattern, search folders below with --recursive.")
            : [.. scenes.DistinctBy(scene => scene.Path).OrderBy(scene => scene.Name, StringComparer.Ordinal).ThenBy(scene => scene.Path, StringComparer.Ordinal)];
    }

    /// <summary>Lists the scenes that a text file names, one a line, relative to the file's folder; empty lines and lines that begin with <c>#</c> are skipped.</summary>
    /// <exception cref="BatchException">Something does not exist, or no scene is named.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static async Task<IReadOnlyList<SceneEntry>> ReadFileAsync(string path, SceneListOptions? options = null, CancellationToken cancellation = default)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var lines = (await File.ReadAllLinesAsync(path, cancellation).ConfigureAwait(false)).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToArray();
        var scenes = new List<SceneEntry>();
        foreach (var line in lines)
        {
            // A scene of a list is called by what the list says, wherever the list lies.
            var isFile = !IsUrl(line) && File.Exists(Path.Combine(folder, line)) && !StacListing.IsDocument(line);
            scenes.AddRange(isFile ? [new SceneEntry(NameOf(line), Path.GetFullPath(line, folder))]
                : await ReadAsync(IsUrl(line) ? line : Path.Combine(folder, line), options ?? new SceneListOptions(), cancellation).ConfigureAwait(false));
        }

        return scenes.Count > 0 ? scenes : throw new BatchException($"{path} names no scene; expected a path or URL on each line.");
    }

    internal static bool IsUrl(string text) => text.Contains("://", StringComparison.Ordinal);

    private static async Task<IEnumerable<SceneEntry>> ReadAsync(string input, SceneListOptions options, CancellationToken cancellation)
    {
        if (StacListing.IsDocument(input))
        {
            return await StacListing.ReadAsync(input, cancellation).ConfigureAwait(false);
        }

        if (IsUrl(input) || input.StartsWith("/vsi", StringComparison.Ordinal))
        {
            return [new SceneEntry(NameOf(input.Split('?')[0].Split('/')[^1]), input)];
        }

        if (File.Exists(input))
        {
            return [new SceneEntry(Path.GetFileName(input), Path.GetFullPath(input))];
        }

        if (Directory.Exists(input))
        {
            return Search(input, options.Patterns.Select(pattern => options.Recursive ? "**/" + pattern : pattern), options);
        }

        if (input.Contains('*', StringComparison.Ordinal))
        {
            var parts = input.Split('/', '\\');
            var plain = parts.TakeWhile(part => !part.Contains('*', StringComparison.Ordinal)).ToArray();
            var folder = plain switch { [] => ".", [""] => "/", _ => string.Join('/', plain) };
            return !Directory.Exists(folder) ? throw new BatchException($"There is no folder {folder}, where {input} would be searched.")
                : Search(folder, [string.Join('/', parts.Skip(plain.Length))], options);
        }

        throw new BatchException($"There is no scene {input}; expected a file, a folder, a pattern such as 'scenes/**/*.tif', or a STAC document (.json).");
    }

    private static IEnumerable<SceneEntry> Search(string folder, IEnumerable<string> patterns, SceneListOptions options)
    {
        var matcher = new Matcher();
        matcher.AddIncludePatterns(patterns);
        // Work areas of unfinished maps hold no scenes.
        matcher.AddExclude("**/*.eoonnx/**");
        var root = Path.GetFullPath(folder);
        var excluded = options.Excluded is { } place && Path.GetFullPath(place) != root ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(place)) + Path.DirectorySeparatorChar : null;
        return matcher.GetResultsInFullPath(root).Where(path => excluded is null || !path.StartsWith(excluded, StringComparison.Ordinal))
            .Select(path => new SceneEntry(NameOf(Path.GetRelativePath(root, path)), path));
    }

    private static string NameOf(string path) => path.Replace('\\', '/');
}
