namespace EoOnnx.Queue;

/// <summary>
/// The places that tasks of a queue may name: folders, and beginnings of URLs. A task is written by whoever can write to the database;
/// a worker reads and writes nothing elsewhere for it. Symbolic links count as what they lead to.
/// </summary>
public sealed class AllowedRoots
{
    private readonly string[] _folders;
    private readonly string[] _urls;

    /// <summary>Allows folders and beginnings of URLs.</summary>
    /// <exception cref="QueueException">A folder does not exist.</exception>
    public AllowedRoots(IReadOnlyList<string> roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        _urls = [.. roots.Where(IsUrl).Select(url => url.EndsWith('/') ? url : url + "/")];
        _folders = [.. roots.Where(root => !IsUrl(root)).Select(folder => Directory.Exists(folder) ? Real(Path.GetFullPath(folder))
            : throw new QueueException($"There is no folder {folder}, below which tasks would be allowed (--root)."))];
    }

    /// <summary>Checks everything that a task reads and writes.</summary>
    /// <exception cref="QueueException">Something lies elsewhere.</exception>
    public void Check(SceneTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        foreach (var source in task.Scene.AllSources())
        {
            CheckSource("scene", StacSourceOf(source));
        }

        CheckFile("map", task.Scene.Map);
        if (!task.Scene.Map.EndsWith(".tif", StringComparison.OrdinalIgnoreCase))
        {
            throw new QueueException($"The map {task.Scene.Map} of a task does not end in .tif.");
        }

        CheckFile("model", task.Model);
        if (task.Adapter is { } adapter)
        {
            CheckFile("adapter", adapter);
        }

        foreach (var area in ((string?[])[task.Options.Area, task.Scene.Details.Area]).OfType<string>())
        {
            CheckSource("area", area);
        }

        // A mask names a band or a file; a band's name is no path.
        foreach (var mask in task.Options.Masks.Concat(task.Scene.Details.Masks).Where(mask => mask.Source.AsSpan().IndexOfAny("/\\:.") >= 0 || File.Exists(mask.Source)))
        {
            CheckSource("mask", mask.Source);
        }
    }

    // An item of a list is named by the list's file and its id.
    private static string StacSourceOf(string source) => source.LastIndexOf('#') is > 0 and var mark && !File.Exists(source) ? source[..mark] : source;

    private void CheckSource(string what, string place)
    {
        if (!IsUrl(place))
        {
            CheckFile(what, place);
        }
        else if (place.Contains('\\', StringComparison.Ordinal) || !Uri.TryCreate(place, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || !_urls.Any(root => url.AbsoluteUri.StartsWith(root, StringComparison.Ordinal)))
        {
            throw new QueueException($"The {what} {place.Split('?')[0]} of a task is not below a place that this worker allows. Allow it with --root and the beginning of its address.");
        }
    }

    private void CheckFile(string what, string path)
    {
        // GDAL understands names that are no files (/vsicurl/…, XML, DRIVER:…): a full path below an allowed folder is none of them.
        if (path.StartsWith("/vsi", StringComparison.Ordinal) || !Path.IsPathFullyQualified(path) || !_folders.Any(folder => IsBelow(Real(Path.GetFullPath(path)), folder)))
        {
            throw new QueueException($"The {what} {path} of a task is not below a folder that this worker allows. Allow it with --root FOLDER, or put it elsewhere.");
        }
    }

    private static bool IsUrl(string text) => text.Contains("://", StringComparison.Ordinal);

    private static bool IsBelow(string path, string folder) =>
        path == folder || path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + (folder == Path.GetPathRoot(folder) ? "" : Path.DirectorySeparatorChar), StringComparison.Ordinal);

    /// <summary>The path with every symbolic link of its folders and itself followed.</summary>
    private static string Real(string path, int depth = 0)
    {
        if (depth > 40)
        {
            throw new QueueException($"{path} leads through too many symbolic links.");
        }

        if (Path.GetDirectoryName(path) is not { } parent)
        {
            return path;
        }

        var whole = Path.Combine(Real(parent, depth), Path.GetFileName(path));
        var target = new FileInfo(whole).LinkTarget ?? new DirectoryInfo(whole).LinkTarget;
        return target is null ? whole : Real(Path.GetFullPath(target, Path.GetDirectoryName(whole)!), depth + 1);
    }
}
