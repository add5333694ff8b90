namespace EoOnnx.Training.Recipes.Start;

/// <summary>A folder below a data set's, with the names of its files that can be chips and of its lists and tables.</summary>
/// <param name="Path">Relative to the data set's folder; empty is that folder itself.</param>
/// <param name="Chips">Names of rasters and arrays, in ordinal order.</param>
/// <param name="Tables">Names of text and CSV files, in ordinal order.</param>
internal sealed record ScannedFolder(string Path, IReadOnlyList<string> Chips, IReadOnlyList<string> Tables)
{
    private const int Deepest = 8, MostFiles = 500_000;
    private static readonly string[] ChipExtensions = [".tif", ".tiff", ".vrt", ".npy", ".npz", ".png", ".jp2"], TableExtensions = [".txt", ".csv"];

    /// <summary>All folders below a data set's that hold files; hidden ones and links are left out.</summary>
    /// <exception cref="TrainingDataException">There is no such folder, or it holds too many files to be one data set.</exception>
    public static IReadOnlyList<ScannedFolder> All(string root)
    {
        var (found, waiting, files) = (new List<ScannedFolder>(), new Queue<(string Path, int Depth)>([("", 0)]), 0);
        _ = Directory.Exists(root) ? 0 : throw new TrainingDataException($"There is no folder {root}. Give the folder of the data set.");
        while (waiting.TryDequeue(out var next))
        {
            var folder = System.IO.Path.Combine(root, next.Path);
            var names = Directory.EnumerateFiles(folder).Select(file => System.IO.Path.GetFileName(file)).Where(name => name[0] != '.' && !name.EndsWith(".aux.xml", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
            if ((files += names.Count) > MostFiles)
            {
                throw new TrainingDataException($"{root} holds over {MostFiles} files. Give the folder of one data set.");
            }

            found.Add(new ScannedFolder(next.Path, [.. names.Where(name => Has(name, ChipExtensions))], [.. names.Where(name => Has(name, TableExtensions))]));
            foreach (var child in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).Where(child => next.Depth < Deepest && System.IO.Path.GetFileName(child)[0] != '.' && new DirectoryInfo(child).LinkTarget is null))
            {
                waiting.Enqueue((next.Path.Length == 0 ? System.IO.Path.GetFileName(child) : $"{next.Path}/{System.IO.Path.GetFileName(child)}", next.Depth + 1));
            }
        }

        return found;
    }

    private static bool Has(string name, string[] extensions) => extensions.Contains(System.IO.Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);
}
