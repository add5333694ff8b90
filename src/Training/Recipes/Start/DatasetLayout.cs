using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Where images and labels of a data set lie, and how they are divided.</summary>
/// <param name="Data">The folders, patterns, split files, tables and classes.</param>
/// <param name="Remarks">Why, by the path of the setting.</param>
internal sealed record DatasetLayout(DataRecipe Data, IReadOnlyDictionary<string, string> Remarks)
{
    /// <summary>Looks at the names of files and folders.</summary>
    /// <param name="root">The data set's folder.</param>
    /// <param name="task">What is predicted.</param>
    /// <exception cref="TrainingDataException">Nothing that belongs together was found; the message says what was looked for.</exception>
    public static DatasetLayout Find(string root, TaskName task)
    {
        var folders = ScannedFolder.All(root);
        if (folders.All(folder => folder.Chips.Count == 0))
        {
            throw new TrainingDataException($"{root} and the folders below it hold no GeoTIFF (.tif), .npy, .npz, .png or .jp2 file. Convert the chips, for example with gdal_translate.");
        }

        return task.ToModelTask().LabelsPixels() ? OfPairs(root, folders) : OfWholeChips(root, folders, task);
    }

    private static DatasetLayout OfWholeChips(string root, IReadOnlyList<ScannedFolder> folders, TaskName task)
    {
        var damaged = new List<string>();
        var found = TableLayout.Find(root, folders, task, damaged);
        var notes = string.Concat(damaged.Select(message => $" A table was left out. {message}"));
        try
        {
            found ??= task == TaskName.Classification ? OfClasses(root, folders)
                : throw new TrainingDataException($"{root} has no CSV file whose rows name the chips; several labels or values of a chip come from a table: one row a chip, its name first, then a column a label.");
        }
        catch (TrainingDataException failure) when (damaged.Count > 0)
        {
            throw new TrainingDataException(failure.Message + notes, failure);
        }

        return damaged.Count == 0 ? found
            : found with { Remarks = found.Remarks.ToDictionary(remark => remark.Key, remark => remark.Key == (found.Data.LabelTable is null ? "data.classes" : "data.labelTable") ? remark.Value + notes : remark.Value) };
    }

    private static DatasetLayout OfPairs(string root, IReadOnlyList<ScannedFolder> folders)
    {
        var pairs = ChipPairs.Find(root, folders);
        var main = pairs.FirstOrDefault(pair => pair.Part == DataPart.Training) ?? pairs.FirstOrDefault(pair => pair.Part is null) ?? (pairs.Count > 0 ? pairs[0] : null) ?? throw new TrainingDataException(
            $"No images and labels with equal names were found in {root}: {string.Join("; ", folders.Where(folder => folder.Chips.Count > 0).Take(5).Select(folder => $"{Shown(folder.Path)} has {folder.Chips.Count}, the first {folder.Chips[0]}"))}. " +
            "Names must agree but for a fixed part such as _merged.tif and .mask.tif, or the folder; write a recipe with data.images and data.labels, see docs/recipes.md.");
        var held = new[] { DataPart.Validation, DataPart.Test }.Select(part => pairs.FirstOrDefault(pair => pair.Part == part && pair.Image.Pattern == main.Image.Pattern
            && PathWords.WithoutPart(pair.Image.Folder) == PathWords.WithoutPart(main.Image.Folder) && PathWords.WithoutPart(pair.Label.Folder) == PathWords.WithoutPart(main.Label.Folder))).FirstOrDefault(pair => main.Part == DataPart.Training && pair is not null);
        var remarks = new Dictionary<string, string>
        {
            ["data.images"] = FormattableString.Invariant($"{main.Image.Stems.Count} images were found, the first {main.Image.First}."),
            ["data.labels"] = $"What '*' stands for is equal in images and labels, for example {main.Label.Stems[0]}.",
        };
        if (main.Others.Count > 0)
        {
            remarks["data.images"] += $" Further files of the same chips can follow as data.moreImages: {string.Join(", ", main.Others.Select(kind => $"{Shown(kind.Folder)}/{kind.Pattern}"))}.";
        }

        var data = Folders(root, main, held);
        if (held is not null)
        {
            remarks["data.validationFolder"] = FormattableString.Invariant($"{held.Image.Stems.Count} chips lie apart in a folder called {held.Image.Folder}, so these are held out.");
            return new DatasetLayout(data, remarks);
        }

        return SplitLists.Find(root, folders, main) is not { } lists ? new DatasetLayout(data, remarks)
            : new DatasetLayout(data with { SplitFile = lists.Training, ValidationSplitFile = lists.Validation }, remarks.Append(KeyValuePair.Create("data.splitFile", lists.Why)).ToDictionary());
    }

    /// <summary>The folders as a recipe names them: patterns carry what differs between images and labels, folders what differs between the parts.</summary>
    private static DataRecipe Folders(string root, ChipPairs main, ChipPairs? held)
    {
        var (image, label) = (main.Image, main.Label);
        var shared = SharedStart(image.Folder, label.Folder);
        if (held is null || SharedStart(held.Image.Folder, held.Label.Folder) is var heldShared && image.Folder[shared.Length..] == held.Image.Folder[heldShared.Length..] && label.Folder[shared.Length..] == held.Label.Folder[heldShared.Length..])
        {
            return new DataRecipe
            {
                Folder = Below(root, shared),
                ValidationFolder = held is null ? null : Below(root, SharedStart(held.Image.Folder, held.Label.Folder)),
                Images = Below(image.Folder[shared.Length..].Trim('/'), image.Pattern),
                Labels = Below(label.Folder[shared.Length..].Trim('/'), label.Pattern),
            };
        }

        return new DataRecipe
        {
            Folder = Below(root, image.Folder), LabelFolder = Below(root, label.Folder), Images = image.Pattern, Labels = label.Pattern,
            ValidationFolder = Below(root, held.Image.Folder), ValidationLabelFolder = Below(root, held.Label.Folder),
        };
    }

    private static DatasetLayout OfClasses(string root, IReadOnlyList<ScannedFolder> folders)
    {
        // Folders with at least two folders of chips in them.
        var parents = folders.Where(folder => folder.Chips.Count > 0 && folder.Path.Length > 0).GroupBy(folder => folder.Path.Contains('/', StringComparison.Ordinal) ? folder.Path[..folder.Path.LastIndexOf('/')] : "")
            .Where(group => group.Count() > 1).ToDictionary(group => group.Key, group => group.ToList(), StringComparer.Ordinal);
        var main = parents.Keys.OrderByDescending(path => PathWords.PartOf(path) == DataPart.Training).ThenByDescending(path => PathWords.PartOf(path) is null).ThenBy(path => path.Count(letter => letter == '/')).ThenBy(path => path, StringComparer.Ordinal).FirstOrDefault()
            ?? throw new TrainingDataException($"{root} has no folder with a folder for each class. Put the chips of each class into a folder of its name, or add a CSV file with one row a chip and its class.");
        var held = new[] { DataPart.Validation, DataPart.Test }.Select(part => parents.Keys.FirstOrDefault(path => PathWords.PartOf(path) == part && PathWords.WithoutPart(path) == PathWords.WithoutPart(main))).FirstOrDefault(path => PathWords.PartOf(main) == DataPart.Training && path is not null);
        var names = parents[main].Select(folder => folder.Path.Split('/')[^1]).Order(StringComparer.Ordinal).ToList();
        var remarks = new Dictionary<string, string> { ["data.classes"] = $"The names of the folders: {string.Join(", ", parents[main].Take(40).Select(folder => FormattableString.Invariant($"{folder.Path.Split('/')[^1]} {folder.Chips.Count} chips")))}." };
        if (held is not null)
        {
            remarks["data.validationFolder"] = $"The chips in a folder called {held} are held out.";
        }

        return new DatasetLayout(
            new DataRecipe
            {
                Folder = Below(root, main), ValidationFolder = held is null ? null : Below(root, held), Images = Extension(parents[main][0].Chips[0]),
                Classes = [.. names.Select(name => new ClassRecipe(name))],
            },
            remarks);
    }

    /// <summary>The pattern of chips that a recipe does not look for by itself.</summary>
    internal static string? Extension(string name) => Path.GetExtension(name).ToUpperInvariant() is ".TIF" or ".TIFF" or ".VRT" or ".NPY" or ".NPZ" ? null : $"*{Path.GetExtension(name)}";

    private static string SharedStart(string one, string other)
    {
        var (first, second) = (one.Split('/'), other.Split('/'));
        return string.Join('/', first.Zip(second).TakeWhile(pair => pair.First == pair.Second).Select(pair => pair.First));
    }

    internal static string Below(string folder, string path) => folder.Length == 0 ? path : path.Length == 0 ? folder : $"{folder.TrimEnd('/')}/{path}";

    private static string Shown(string folder) => folder.Length == 0 ? "the folder itself" : folder;
}
