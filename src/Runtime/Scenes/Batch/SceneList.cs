namespace EoOnnx.Runtime;

/// <summary>Turns folders, globs, list files and STAC documents into a list of scenes, sorted by name.</summary>
public static class SceneList
{
    /// <summary>Lists scenes.</summary>
    /// <param name="inputs">Folders, files, products, globs (<c>*</c>, <c>**</c>; with <c>/</c> at the end, of folders), and STAC items, item collections or collections as <c>.json</c> files or URLs.</param>
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
            : [.. Distinct(scenes).OrderBy(scene => scene.Name, StringComparer.Ordinal).ThenBy(scene => scene.Path, StringComparer.Ordinal)];
    }

    /// <summary>
    /// Lists the scenes that a text file names, one a line, relative to the file's folder; empty lines and lines that begin with <c>#</c> are
    /// skipped. A <c>.csv</c> file has a header, and a line with all sources of a scene: columns <c>sources</c>, <c>name</c>, <c>dates</c>,
    /// <c>grid</c>, <c>resolution</c>, <c>bands</c>, <c>scale</c>, <c>offset</c>, <c>mask</c>, <c>nodata</c>, <c>aoi</c>, <c>modality:NAME</c>; <c>;</c> stands between several
    /// values of a cell.
    /// </summary>
    /// <exception cref="BatchException">Something does not exist, or no scene is named.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static async Task<IReadOnlyList<SceneEntry>> ReadFileAsync(string path, SceneListOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new SceneListOptions();
        if (path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase))
        {
            return SceneTable.Read(path, options.Request) is { Count: > 0 } table ? table : throw new BatchException($"{path} names no scene; expected a line for each below the header.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var lines = (await File.ReadAllLinesAsync(path, cancellation).ConfigureAwait(false)).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToArray();
        var scenes = new List<SceneEntry>();
        foreach (var line in lines)
        {
            // A scene of a list is called by what the list says, wherever the list lies.
            var isFile = !IsPlace(line) && File.Exists(Path.Combine(folder, line)) && !StacListing.IsDocument(line);
            scenes.AddRange(isFile ? [new SceneEntry(NameOf(line), Path.GetFullPath(line, folder)) { Request = options.Request with { Sources = [Path.GetFullPath(line, folder)] } }]
                : await ReadAsync(IsPlace(line) ? line : Path.Combine(folder, line), options, cancellation).ConfigureAwait(false));
        }

        return scenes.Count > 0 ? scenes : throw new BatchException($"{path} names no scene; expected a path or URL on each line.");
    }

    /// <summary>The scenes without those that are made of the same sources as an earlier one.</summary>
    public static IReadOnlyList<SceneEntry> Distinct(IEnumerable<SceneEntry> scenes) => [.. scenes.DistinctBy(scene => scene.Content)];

    internal static bool IsUrl(string text) => text.Contains("://", StringComparison.Ordinal);

    /// <summary>True for what is no path of this machine's files: URLs, and names that GDAL has for files elsewhere.</summary>
    internal static bool IsPlace(string text) => IsUrl(text) || text.StartsWith("/vsi", StringComparison.Ordinal);

    private static async Task<IEnumerable<SceneEntry>> ReadAsync(string input, SceneListOptions options, CancellationToken cancellation) =>
        (StacListing.IsDocument(input) ? await StacListing.ReadAsync(input, cancellation).ConfigureAwait(false) : Find(input, options))
        .Select(scene => scene with { Request = options.Request with { Sources = [scene.Path] } });

    private static IEnumerable<SceneEntry> Find(string input, SceneListOptions options)
    {
        if (StacSource.Split(input) is (var document, { } item))
        {
            return [new SceneEntry(item, IsPlace(input) ? input : $"{Path.GetFullPath(document)}{StacSource.ItemMark}{item}")];
        }

        if (IsPlace(input))
        {
            return [new SceneEntry(NameOf(input.Split('?')[0].TrimEnd('/').Split('/')[^1]), input)];
        }

        if (File.Exists(input) || (Directory.Exists(input) && (SceneSources.IsProduct(input) || input.TrimEnd('/').EndsWith(".zarr", StringComparison.OrdinalIgnoreCase))))
        {
            return [new SceneEntry(OwnName(Path.GetFullPath(input)), Path.TrimEndingDirectorySeparator(Path.GetFullPath(input)))];
        }

        if (Directory.Exists(input))
        {
            var folder = new SceneFolder(input, options.Excluded);
            return (ReferenceEquals(options.Patterns, SceneListOptions.DefaultPatterns) ? folder.Products(options.Patterns, options.Recursive) : folder.Files(options.Patterns, options.Recursive)).Select(found => new SceneEntry(found.Name, found.Path));
        }

        if (input.Contains('*', StringComparison.Ordinal))
        {
            var parts = input.Split('/', '\\');
            var plain = parts.TakeWhile(part => !part.Contains('*', StringComparison.Ordinal)).ToArray();
            var folder = plain switch { [] => ".", [""] => "/", _ => string.Join('/', plain) };
            return !Directory.Exists(folder) ? throw new BatchException($"There is no folder {folder}, where {input} would be searched.")
                : new SceneFolder(folder, options.Excluded).Matching(string.Join('/', parts.Skip(plain.Length))).Select(found => new SceneEntry(found.Name, found.Path));
        }

        throw new BatchException($"There is no scene {input}; expected a file, a folder, a pattern such as 'scenes/**/*.tif', or a STAC document (.json).");
    }

    // The metadata file of a Sentinel-2 product is called alike in all of them.
    private static string OwnName(string path) => Path.GetFileName(path) is var file && file.StartsWith("MTD_MSIL", StringComparison.Ordinal)
        ? Path.GetFileName(Path.GetDirectoryName(path)!) : Path.GetFileName(Path.TrimEndingDirectorySeparator(path));

    private static string NameOf(string path) => path.Replace('\\', '/');
}
