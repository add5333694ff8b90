using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Training.Recipes;

/// <summary>The label polygons of a recipe.</summary>
internal static class RecipePolygons
{
    /// <summary>Reads the polygons; those of a class that the recipe does not name are not labelled.</summary>
    /// <param name="recipe">The data, with <see cref="DataRecipe.Polygons"/>.</param>
    /// <param name="task">Classes or values.</param>
    /// <returns>The polygons with the label values that files would have, and that of pixels outside.</returns>
    /// <exception cref="TrainingDataException">The class outside is none, or no polygon has a class of the recipe.</exception>
    public static (LabelPolygons Polygons, float Outside) Open(DataRecipe recipe, ModelTask task)
    {
        var settings = recipe.Polygons!;
        _ = File.Exists(settings.File) ? 0 : throw new TrainingDataException($"There is no file {settings.File} with label polygons (data.polygons.file).");
        var (values, first, labelled) = (new Dictionary<string, int>(StringComparer.Ordinal), recipe.ReduceZeroLabel ? 1 : 0, 0);
        foreach (var (index, item) in recipe.Classes.Index())
        {
            values[item.Name] = item.Value ?? index + first;
        }

        var outside = settings.Outside is null ? float.NaN : (float)(ValueOf(settings.Outside) ?? throw new TrainingDataException(
            $"data.polygons.outside is '{settings.Outside}'; expected {(values.Count > 0 ? $"a class ({string.Join(", ", values.Keys)})" : "a number")}."));
        var polygons = LabelPolygons.Open(settings.File, settings.Attribute, text =>
        {
            var value = ValueOf(text);
            labelled += value is null ? 0 : 1;
            return value ?? double.NaN;
        });
        return labelled > 0 ? (polygons, outside) : throw new TrainingDataException(
            $"None of the {polygons.Count} polygons of {settings.File} has {(values.Count > 0 ? $"one of the classes {string.Join(", ", values.Keys)}" : "a number")} in {(settings.Attribute is null ? "it, as every polygon has the label value 1" : $"its attribute '{settings.Attribute}'")}. Check data.polygons.attribute and data.classes.");

        double? ValueOf(string text) => task == ModelTask.Segmentation
            ? values.TryGetValue(text, out var value) || (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && values.ContainsValue(value)) ? value : null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
    }
}
