using System.Text.Json;
using System.Text.Json.Nodes;

namespace EoOnnx.Training.Recipes;

/// <summary>The JSON schema of recipes, <c>docs/recipe.schema.json</c>: what editors check against, and the meaning of every setting.</summary>
internal static class RecipeSchema
{
    private static readonly Lazy<JsonObject> Embedded = new(() =>
    {
        using var stream = typeof(RecipeSchema).Assembly.GetManifestResourceStream("recipe.schema.json")!;
        return JsonNode.Parse(stream)!.AsObject();
    });

    /// <summary>The schema.</summary>
    public static JsonObject Document => Embedded.Value;

    /// <summary>Name of a group of settings in the schema's definitions; null is the recipe itself.</summary>
    public static string? Definition(Type record) => record == typeof(TrainingRecipe) ? null : JsonNamingPolicy.CamelCase.ConvertName(record.Name.Replace("Recipe", "", StringComparison.Ordinal));

    /// <summary>What a setting means.</summary>
    public static string? Description(Type record, string setting)
    {
        var group = Definition(record) is { } name ? Document["$defs"]?[name] : Document;
        return (string?)group?["properties"]?[setting]?["description"];
    }
}
