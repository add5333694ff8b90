using System.Text.RegularExpressions;

namespace EoOnnx.Training.Data;

/// <summary>Finds pairs of image and label files.</summary>
public static class ChipFolder
{
    private static readonly string[] LabelFolderNames = ["labels", "masks", "label", "mask"];

    /// <summary>The pairs of a folder, by name in ordinal order.</summary>
    /// <exception cref="TrainingDataException">A folder is absent, nothing matches, or a file has no partner; the message names the files.</exception>
    public static IReadOnlyList<ChipFile> Find(ChipFolderOptions options)
    {
        var imageRoot = RequireFolder(options.Folder);
        if (options.Images is null && options.LabelFolder is null && Directory.Exists(Path.Combine(imageRoot, "images")))
        {
            imageRoot = Path.Combine(imageRoot, "images");
        }

        var images = options.FolderIsClass ? MatchFolders(imageRoot, options.Images) : Match(imageRoot, options.Images, "image");
        var more = options.MoreImages.Select(pattern => Match(options.Folder, pattern, "image")).ToList();
        var labels = options.HasLabelFiles ? Match(LabelRoot(options), options.Labels, "label") : null;
        if (options.SplitFile is { } splitFile)
        {
            images = Keep(images, labels, splitFile);
            labels = labels?.Where(label => images.ContainsKey(label.Key)).ToDictionary(StringComparer.Ordinal);
            more = [.. more.Select(files => files.Where(file => images.ContainsKey(file.Key)).ToDictionary(StringComparer.Ordinal))];
        }

        foreach (var further in more)
        {
            RequirePartners(images, further, "image", "further image");
            RequirePartners(further, images, "further image", "image");
        }

        if (labels is not null)
        {
            RequirePartners(images, labels, "image", "label");
            RequirePartners(labels, images, "label", "image");
        }

        return [.. images.OrderBy(image => image.Key, StringComparer.Ordinal)
            .Select(image => new ChipFile(image.Key, image.Value, labels?[image.Key]) { MoreImages = [.. more.Select(files => files[image.Key])] })];
    }

    private static string LabelRoot(ChipFolderOptions options)
    {
        var root = RequireFolder(options.LabelFolder ?? options.Folder);
        return options.Labels is not null || options.LabelFolder is not null ? root
            : LabelFolderNames.Select(name => Path.Combine(root, name)).FirstOrDefault(Directory.Exists) ?? throw new TrainingDataException(
                $"{options.Folder} has no folder 'labels' or 'masks'. Put images into images/ and labels into labels/ under equal names, or say which files are labels " +
                "with a pattern (--labels '*.mask.tif').");
    }

    private static Dictionary<string, string> MatchFolders(string root, string? pattern)
    {
        var folders = Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal).ToList();
        return folders.Count > 0
            ? folders.SelectMany(folder => Match(folder, pattern, "image").Select(file => KeyValuePair.Create($"{Path.GetFileName(folder)}/{file.Key}", file.Value))).ToDictionary(StringComparer.Ordinal)
            : throw new TrainingDataException($"{root} has no folders. Put the chips of each class into a folder of its name, or give a table of labels (--label-table).");
    }

    private static string RequireFolder(string folder) => Directory.Exists(folder) ? folder
        : throw new TrainingDataException($"There is no folder {folder}. Give the folder that holds the chips.");

    /// <summary>Files by the part of their name that the wildcards stand for.</summary>
    private static Dictionary<string, string> Match(string root, string? pattern, string kind)
    {
        var folder = Path.Combine(root, Path.GetDirectoryName(pattern) ?? "");
        RequireFolder(folder);
        var name = pattern is null ? new Regex(@"^(.*)\.(?:tiff?|vrt|npy|npz)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)
            : new Regex("^" + Regex.Escape(Path.GetFileName(pattern)).Replace(@"\*", "(.*)", StringComparison.Ordinal).Replace(@"\?", "(.)", StringComparison.Ordinal) + "$",
                RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            var match = name.Match(Path.GetFileName(path));
            if (!match.Success || path.EndsWith(".aux.xml", StringComparison.Ordinal))
            {
                continue;
            }

            var parts = match.Groups.Values.Skip(1).Select(group => group.Value).ToList();
            var key = parts.Count == 0 ? Path.GetFileNameWithoutExtension(path)
                : pattern?.EndsWith('*') == true ? Path.ChangeExtension(string.Join('/', parts), null) : string.Join('/', parts);
            if (!files.TryAdd(key, path))
            {
                throw new TrainingDataException($"{files[key]} and {path} are both called '{key}' under the pattern '{pattern ?? "*.tif"}'. Give a pattern that matches one of them.");
            }
        }

        return files.Count > 0 ? files : throw new TrainingDataException(
            $"No {kind} in {folder} matches '{(pattern is null ? "*.tif" : Path.GetFileName(pattern))}'. Check the folder, or give a pattern (--{kind}s '*.tif').");
    }

    private static void RequirePartners(Dictionary<string, string> files, Dictionary<string, string> partners, string kind, string partner)
    {
        var alone = files.Where(file => !partners.ContainsKey(file.Key)).Select(file => Path.GetFileName(file.Value)).Order(StringComparer.Ordinal).ToList();
        if (alone.Count > 0)
        {
            throw new TrainingDataException(
                $"{alone.Count} of {files.Count} {kind} files have no {partner}: {string.Join(", ", alone.Take(5))}{(alone.Count > 5 ? ", …" : "")}. " +
                $"Names must agree where the patterns have '*' (for example '{files.Keys.Order(StringComparer.Ordinal).First()}'); remove the files or correct the patterns.");
        }
    }

    private static Dictionary<string, string> Keep(Dictionary<string, string> images, Dictionary<string, string>? labels, string splitFile)
    {
        var kept = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(splitFile).Select(line => line.Trim()).Where(line => line.Length > 0))
        {
            var fields = Fields(line);
            var found = images.Where(image => fields.Any(field => IsCalled(image, field) || (labels?.TryGetValue(image.Key, out var label) == true && IsCalled(KeyValuePair.Create(image.Key, label), field)))).ToList();
            found = found.Count > 0 ? found : [.. images.Where(image => Path.GetFileName(image.Value).Contains(Path.GetFileNameWithoutExtension(line), StringComparison.Ordinal))];
            if (found.Count == 0)
            {
                throw new TrainingDataException($"{splitFile} lists '{line}', but no image is called so; there are {images.Count}, the first is '{images.Keys.Order(StringComparer.Ordinal).First()}'.");
            }

            found.ForEach(image => kept[image.Key] = image.Value);
        }

        return kept.Count > 0 ? kept : throw new TrainingDataException($"{splitFile} lists no chip. Write one chip name per line.");
    }

    /// <summary>The names in a line of a split file: several between commas or tabs name one chip by several of its files.</summary>
    internal static IReadOnlyList<string> Fields(string line) => line.Split([',', '\t'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static bool IsCalled(KeyValuePair<string, string> image, string line)
    {
        var file = Path.GetFileName(image.Value);
        return line == image.Key || line == file || line == Path.GetFileNameWithoutExtension(file) || Path.GetFileNameWithoutExtension(line) == image.Key;
    }
}
