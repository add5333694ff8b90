using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Files that list the chips of each part.</summary>
/// <param name="Training">The list of the training chips.</param>
/// <param name="Validation">The list of those held out.</param>
/// <param name="Why">What was seen.</param>
internal sealed record SplitLists(string Training, string Validation, string Why)
{
    private const int LargestList = 16 << 20;

    /// <summary>Lists whose names say training and validation (or test) and whose lines name chips; null when there are none.</summary>
    public static SplitLists? Find(string root, IReadOnlyList<ScannedFolder> folders, ChipPairs pairs)
    {
        var lists = folders.SelectMany(folder => folder.Tables.Select(name => DatasetLayout.Below(folder.Path, name)))
            .Where(path => PathWords.PartOf(Path.GetFileName(path)) is not null && NamesChips(Path.Combine(root, path), pairs)).ToList();
        var training = lists.Find(path => PathWords.PartOf(Path.GetFileName(path)) == DataPart.Training);
        var validation = new[] { DataPart.Validation, DataPart.Test }.Select(part => lists.Find(path => PathWords.PartOf(Path.GetFileName(path)) == part)).FirstOrDefault(path => path is not null);
        return training is null || validation is null ? null
            : new SplitLists(DatasetLayout.Below(root, training), DatasetLayout.Below(root, validation), $"The lines of {training} and {validation} are names of chips.");
    }

    private static bool NamesChips(string path, ChipPairs pairs)
    {
        if (new FileInfo(path).Length > LargestList)
        {
            return false;
        }

        var names = pairs.Image.Stems.Concat(new[] { pairs.Image, pairs.Label }.SelectMany(kind => kind.Stems.Select(stem => Path.GetFileNameWithoutExtension(kind.Prefix + stem + kind.Suffix)))).ToHashSet(StringComparer.Ordinal);
        var lines = File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0).ToList();
        return lines.Count > 0 && lines.TrueForAll(line => ChipFolder.Fields(line).Any(field => names.Contains(field) || names.Contains(Path.GetFileNameWithoutExtension(field))));
    }
}
