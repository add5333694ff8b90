using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Training.Recipes;
using Json.Schema;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>A recipe's text against docs/recipe.schema.json, as an editor checks it: by an implementation of JSON schema that is not ours.</summary>
internal static class RecipeSchemaCheck
{
    private static readonly Lazy<JsonSchema> Schema = new(() => JsonSchema.FromText(File.ReadAllText(Path.Combine(SharedData.Repository, "docs", "recipe.schema.json"))));

    /// <summary>What the schema has against a recipe; empty when nothing.</summary>
    public static IReadOnlyList<string> Errors(string yaml)
    {
        var json = JsonDocument.Parse(RecipeFile.Settings(yaml, "recipe").ToJsonString());
        var result = Schema.Value.Evaluate(json.RootElement, new Json.Schema.EvaluationOptions { OutputFormat = OutputFormat.List });
        return result.IsValid ? [] : [.. (result.Details ?? []).Where(detail => detail.Errors is not null).SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation}: {error.Value}")).DefaultIfEmpty("not valid")];
    }
}
