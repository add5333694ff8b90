using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Images and labels that belong together.</summary>
/// <param name="Image">The images.</param>
/// <param name="Label">Their labels.</param>
/// <param name="Others">Further files of the same chips.</param>
internal sealed record ChipPairs(FileKind Image, FileKind Label, IReadOnlyList<FileKind> Others)
{
    /// <summary>Part of the split that the folders name.</summary>
    public DataPart? Part => PathWords.PartOf(Image.Folder);

    /// <summary>Finds all pairs below a folder, those with most chips first.</summary>
    /// <param name="root">The data set's folder.</param>
    /// <param name="folders">What lies below it.</param>
    public static IReadOnlyList<ChipPairs> Find(string root, IReadOnlyList<ScannedFolder> folders)
    {
        var groups = folders.SelectMany(FileKind.Of)
            .GroupBy(kind => (kind.StemsKey, PathWords.PartOf(kind.Folder)))
            .Select(group => Distinct(group).ToList()).Where(group => group.Count > 1)
            .OrderByDescending(group => group[0].Stems.Count).ThenByDescending(group => group.Count).ThenBy(group => group.Sum(kind => kind.Prefix.Length + kind.Suffix.Length)).ThenBy(group => group[0].First, StringComparer.Ordinal);
        var (pairs, used) = (new List<ChipPairs>(), new HashSet<(string, long)>());
        foreach (var group in groups)
        {
            if (!group.Exists(kind => used.Contains(kind.FilesKey)) && Roles(root, group) is { } pair)
            {
                pairs.Add(pair);
                used.UnionWith(group.Select(kind => kind.FilesKey));
            }
        }

        return pairs;
    }

    /// <summary>Each set of files once, under its shortest pattern.</summary>
    private static IEnumerable<FileKind> Distinct(IEnumerable<FileKind> kinds) => kinds
        .GroupBy(kind => kind.FilesKey).Select(same => same.OrderBy(kind => kind.Prefix.Length + kind.Suffix.Length).ThenBy(kind => kind.Prefix.Length).First());

    /// <summary>Labels are what a name says, or the only files of one band; of the others the images are those with most bands.</summary>
    private static ChipPairs? Roles(string root, List<FileKind> kinds)
    {
        var bands = kinds.ToDictionary(kind => kind, kind =>
        {
            using var first = ChipRaster.Open(Path.Combine(root, kind.First));
            return first.Bands;
        });
        var named = kinds.Where(kind => PathWords.IsLabel(NameOf(kind))).OrderBy(kind => NameOf(kind).Length).ThenBy(kind => kind.First, StringComparer.Ordinal).ToList();
        var single = kinds.Where(kind => bands[kind] == 1).ToList();
        var label = named.Find(kind => bands[kind] == 1) ?? named.FirstOrDefault() ?? (single.Count == 1 ? single[0] : null);
        var image = label is null ? null : kinds.Where(kind => kind != label && !named.Contains(kind)).OrderByDescending(kind => bands[kind]).ThenBy(kind => kind.First, StringComparer.Ordinal).FirstOrDefault();
        return image is null ? null : new ChipPairs(image, label!, [.. kinds.Where(kind => kind != image && kind != label)]);

        // What of the names tells the kind: the last folder and the fixed parts.
        static string NameOf(FileKind kind) => $"{kind.Folder.Split('/')[^1]} {kind.Prefix} {kind.Suffix}";
    }
}
