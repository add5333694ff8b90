using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes;

/// <summary>Finds the chips of a recipe: those to train on, and those that lie apart or are listed to be held out.</summary>
internal static class RecipeChips
{
    /// <summary>The files, training chips first.</summary>
    /// <param name="recipe">The data.</param>
    /// <param name="pixels">Pixels are labelled, not whole chips.</param>
    /// <exception cref="TrainingDataException">Files are absent, or a chip is in both parts.</exception>
    public static IReadOnlyList<ChipFile> Find(DataRecipe recipe, bool pixels)
    {
        var options = new ChipFolderOptions
        {
            Folder = recipe.Folder, LabelFolder = recipe.LabelFolder, Images = recipe.Images, MoreImages = recipe.MoreImages, Labels = recipe.Labels,
            HasLabelFiles = pixels && recipe.Polygons is null, FolderIsClass = !pixels && recipe.LabelTable is null, SplitFile = recipe.SplitFile,
        };
        var training = ChipFolder.Find(options);
        if ((recipe.ValidationFolder ?? recipe.ValidationSplitFile) is null)
        {
            return recipe.ValidationLabelFolder is null ? training
                : throw new TrainingDataException("The recipe has data.validationLabelFolder, but neither data.validationFolder nor data.validationSplitFile says which chips are held out.");
        }

        var heldOut = ChipFolder.Find(options with
        {
            Folder = recipe.ValidationFolder ?? recipe.Folder,
            LabelFolder = recipe.ValidationLabelFolder ?? (recipe.ValidationFolder is null ? recipe.LabelFolder : null),
            SplitFile = recipe.ValidationSplitFile,
        });
        var images = heldOut.Select(file => Path.GetFullPath(file.Image)).ToHashSet(StringComparer.Ordinal);
        if (recipe is { ValidationFolder: null, SplitFile: null })
        {
            training = [.. training.Where(file => !images.Contains(Path.GetFullPath(file.Image)))];
        }

        var both = training.Where(file => images.Contains(Path.GetFullPath(file.Image))).Select(file => file.Name).ToList();
        if (both.Count > 0)
        {
            throw new TrainingDataException($"{both.Count} chips are both trained on and held out, the first '{both[0]}'; figures of such a run mean nothing. Give other folders or split files.");
        }

        // Parts in folders of their own may use the same names.
        var names = training.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        var apart = heldOut.Any(file => names.Contains(file.Name));
        return [.. training, .. heldOut.Select(file => file with { Name = apart ? $"validation/{file.Name}" : file.Name, OwnName = file.Name, HeldOut = true })];
    }
}
