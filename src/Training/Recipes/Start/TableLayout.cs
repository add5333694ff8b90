using System.Globalization;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Tables with the labels of whole chips.</summary>
internal static class TableLayout
{
    // Columns of a table that say where or when a chip is, not what it shows.
    private static readonly string[] Places = ["lat", "lon", "latitude", "longitude", "x", "y", "split", "fold", "id", "fid", "index", "date", "year", "day", "month"];
    private static readonly string[] ClassNames = ["class", "label", "category", "target"];

    /// <summary>The layout of a table whose first fitting column names the chips; null when there is none.</summary>
    /// <param name="root">The data set's folder.</param>
    /// <param name="folders">What lies in and below it.</param>
    /// <param name="task">What is predicted.</param>
    /// <param name="damaged">Receives why tables could not be read: file, row and what to do.</param>
    public static DatasetLayout? Find(string root, IReadOnlyList<ScannedFolder> folders, TaskName task, List<string> damaged)
    {
        foreach (var path in folders.SelectMany(folder => folder.Tables.Where(name => name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)).Select(name => DatasetLayout.Below(folder.Path, name))))
        {
            IReadOnlyDictionary<string, IReadOnlyList<string>> columns;
            try
            {
                columns = LabelTable.ColumnsOf(DatasetLayout.Below(root, path));
            }
            catch (TrainingDataException failure)
            {
                damaged.Add(failure.Message);   // another table may hold the labels
                continue;
            }

            foreach (var folder in folders.Where(folder => folder.Chips.Count > 0))
            {
                var names = folder.Chips.Select(name => Path.GetFileNameWithoutExtension(name)).Concat(folder.Chips).ToHashSet(StringComparer.Ordinal);
                if (columns.FirstOrDefault(column => column.Value.Count > 0 && names.Count > 0 && folder.Chips.All(chip => column.Value.Contains(chip) || column.Value.Contains(Path.GetFileNameWithoutExtension(chip)))) is { Key: { } name })
                {
                    return Of(root, path, folder, name, [.. columns.Where(column => column.Key != name)], task);
                }
            }
        }

        return null;
    }

    private static DatasetLayout? Of(string root, string path, ScannedFolder folder, string name, List<KeyValuePair<string, IReadOnlyList<string>>> columns, TaskName task)
    {
        var labels = columns.Where(column => task switch
        {
            TaskName.Multilabel => column.Value.All(text => text is "0" or "1"),
            TaskName.ScalarRegression => !Places.Contains(column.Key.ToLowerInvariant()) && column.Value.All(text => text.Length == 0 || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)),
            _ => ClassNames.Contains(column.Key.ToLowerInvariant()) || (!Places.Contains(column.Key.ToLowerInvariant()) && column.Value.Distinct(StringComparer.Ordinal).Count() is > 1 and <= 256),
        }).OrderByDescending(column => ClassNames.Contains(column.Key.ToLowerInvariant()) && task == TaskName.Classification).ToList();
        if (labels.Count == 0)
        {
            return null;
        }

        var counted = labels[0].Value.CountBy(text => text, StringComparer.Ordinal).Where(item => item.Key.Length > 0).OrderBy(item => item.Key, StringComparer.Ordinal).ToList();
        var numbers = counted.TrueForAll(item => int.TryParse(item.Key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _));
        List<ClassRecipe> classes = task switch
        {
            TaskName.Multilabel => [.. labels.Select(column => new ClassRecipe(column.Key))],
            TaskName.ScalarRegression => [],
            _ when numbers => [.. counted.Select(item => int.Parse(item.Key, CultureInfo.InvariantCulture)).Order().Select(value => new ClassRecipe(FormattableString.Invariant($"class {value}"), value))],
            _ => [.. counted.Select(item => new ClassRecipe(item.Key))],
        };
        var remarks = new Dictionary<string, string>
        {
            ["data.labelTable"] = FormattableString.Invariant($"{columns.FirstOrDefault().Value?.Count ?? 0} rows; its column {name} names the chips of {(folder.Path.Length == 0 ? "the folder itself" : folder.Path)}."),
            ["data.labelColumns"] = task == TaskName.ScalarRegression ? "All columns of numbers but those that say where or when." : $"The first column that can be a class; the others: {string.Join(", ", columns.Select(column => column.Key).Except([labels[0].Key]))}.",
            ["data.classes"] = task == TaskName.Multilabel ? $"All columns of 0 and 1: {string.Join(", ", labels.Select(column => FormattableString.Invariant($"{column.Key} {column.Value.Count(text => text == "1")} times")))}."
                : $"What stands in the column {labels[0].Key}: {string.Join(", ", counted.Take(40).Select(item => FormattableString.Invariant($"{item.Key} {item.Value} times")))}.",
        };
        return new DatasetLayout(
            new DataRecipe
            {
                Folder = DatasetLayout.Below(root, folder.Path.Split('/')[^1] == "images" ? folder.Path[..^6].TrimEnd('/') : folder.Path),
                Images = DatasetLayout.Extension(folder.Chips[0]) is { } pattern ? folder.Path.Split('/')[^1] == "images" ? $"images/{pattern}" : pattern : null,
                LabelTable = DatasetLayout.Below(root, path),
                NameColumn = name,
                LabelColumns = task switch { TaskName.Multilabel => [], TaskName.ScalarRegression => [.. labels.Select(column => column.Key)], _ => [labels[0].Key] },
                Classes = classes,
            },
            remarks);
    }
}
