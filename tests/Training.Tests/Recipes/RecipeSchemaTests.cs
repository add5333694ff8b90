using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>docs/recipe.schema.json and docs/recipes.md say what the records of a recipe are.</summary>
public class RecipeSchemaTests
{
    private static readonly Type[] Groups = [typeof(DataRecipe), typeof(ArrayRecipe), typeof(ArrayInputRecipe), typeof(ArrayCondition), typeof(MethodRecipe), typeof(DecoderRecipe), typeof(AuxiliaryRecipe), typeof(LossRecipe), typeof(LossPartRecipe), typeof(OptimizerRecipe), typeof(RunRecipe), typeof(PolygonRecipe)];

    private static JsonObject Schema => JsonNode.Parse(File.ReadAllText(Path.Combine(SharedData.Repository, "docs", "recipe.schema.json")))!.AsObject();

    [Fact]
    public void The_schema_has_every_setting_with_its_type_and_default_and_no_other()
    {
        var described = Schema;
        WithoutDescriptions(described);
        Assert.Equal(Expected().ToJsonString(), described.ToJsonString());
    }

    [Fact]
    public void Every_setting_of_the_schema_says_what_it_means() => Assert.All(Rows(), row => Assert.False(string.IsNullOrWhiteSpace(row.Meaning), row.Key));

    [Fact]
    public void The_page_has_a_row_for_every_setting()
    {
        var page = File.ReadAllLines(Path.Combine(SharedData.Repository, "docs", "recipes.md")).ToHashSet(StringComparer.Ordinal);
        var missing = Rows().Select(row => $"| `{row.Key}` | {row.Type} | {row.Default} | {row.Meaning} |").Where(row => !page.Contains(row)).ToList();
        Assert.True(missing.Count == 0, $"docs/recipes.md lacks these rows:\n{string.Join('\n', missing)}");
    }

    private static IEnumerable<(string Key, string Type, string Default, string Meaning)> Rows()
    {
        var schema = Schema;
        foreach (var (prefix, group) in Groups.Select(type => RecipeSchema.Definition(type)!).Select(name => ($"{PlaceOf(name)}.", schema["$defs"]![name]!)).Prepend(("", (JsonNode)schema)))
        {
            var required = (group["required"] as JsonArray ?? []).Select(name => (string)name!).ToList();
            foreach (var (name, setting) in group["properties"]!.AsObject())
            {
                yield return (prefix + name, TypeOf(setting!), setting!["default"] is { } value ? $"`{(value.GetValueKind() == JsonValueKind.String ? (string)value! : value.ToJsonString())}`" : required.Contains(name) ? "required" : "", (string?)setting["description"] ?? "");
            }
        }
    }

    // Where a group stands in a recipe.
    private static string PlaceOf(string group) => group switch
    {
        "auxiliary" => "decoder.auxiliary[]",
        "lossPart" => "loss.parts[]",
        "array" => "data.arrays",
        "arrayInput" => "data.arrays.inputs[]",
        "arrayCondition" => "data.arrays.test[]",
        "polygon" => "data.polygons",
        _ => group,
    };

    private static string TypeOf(JsonNode setting) => (setting["enum"], setting["$ref"], setting["anyOf"], setting["type"]) switch
    {
        (JsonArray words, _, _, _) => string.Join(", ", words.Where(word => word is not null).Select(word => $"`{word}`")),
        (_, { } group, _, _) => $"settings ({((string)group!).Split('/')[^1]})",
        (_, _, JsonArray either, _) => either[^1]!["type"]?.ToString() == "array" && either[^1]!["items"]!["type"]?.ToString() == "integer" ? "list of whole numbers" : "name, settings or list (method)",
        (_, _, _, JsonArray types) => Word((string)types[0]!),
        (_, _, _, { } type) when type is JsonValue && (string)type! == "array" => $"list of {Item(setting["items"]!)}",
        (_, _, _, { } type) => Word((string)type!),
        _ => "",
    };

    private static string Item(JsonNode item) => ((string?)item["$ref"])?.Split('/')[^1] switch
    {
        "class" => "names, or name: value",
        { } group => $"settings ({group})",
        null when item["anyOf"] is not null => "names or settings (method)",
        null => (string)item["type"]! == "object" ? "settings" : $"{Word((string)item["type"]!)}s",
    };

    private static string Word(string type) => type switch { "string" => "text", "integer" => "whole number", "number" => "number", "boolean" => "true or false", _ => "settings" };

    private static JsonObject Expected()
    {
        var schema = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = "EoOnnx training recipe" };
        Fill(schema, typeof(TrainingRecipe));
        var groups = new JsonObject();
        foreach (var type in Groups)
        {
            var group = new JsonObject();
            Fill(group, type);
            groups[RecipeSchema.Definition(type)!] = group;
        }

        groups["class"] = JsonNode.Parse("""{"anyOf":[{"type":["string","number"]},{"type":"object","minProperties":1,"maxProperties":1,"additionalProperties":{"type":"integer"}}]}""");
        schema["$defs"] = groups;
        return schema;
    }

    private static void Fill(JsonObject group, Type type)
    {
        group["type"] = "object";
        group["additionalProperties"] = false;
        var members = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(member => member.CanWrite).ToList();
        string[] required = [.. members.Where(member => member.GetCustomAttribute<RequiredMemberAttribute>() is not null).Select(member => JsonNamingPolicy.CamelCase.ConvertName(member.Name))];
        if (required.Length > 0)
        {
            group["required"] = new JsonArray([.. required.Select(name => (JsonNode)name)]);
        }

        var defaults = RuntimeHelpers.GetUninitializedObject(type);
        type.GetConstructor(Type.EmptyTypes)?.Invoke(defaults, null);
        var settings = new JsonObject();
        foreach (var member in members)
        {
            var name = JsonNamingPolicy.CamelCase.ConvertName(member.Name);
            var setting = Setting(member.PropertyType);
            if (!required.Contains(name) && Default(member.GetValue(defaults)) is { } value)
            {
                setting["default"] = value;
            }

            settings[name] = setting;
        }

        group["properties"] = settings;
    }

    private static JsonObject Setting(Type type)
    {
        var nullable = Nullable.GetUnderlyingType(type) is not null;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(MethodRecipe))
        {
            var several = Setting(typeof(IReadOnlyList<MethodRecipe>));
            several["minItems"] = 1;
            return new JsonObject { ["anyOf"] = new JsonArray(Setting(typeof(TrainingMethod)), Reference("method"), several) };
        }

        if (type.IsEnum)
        {
            IEnumerable<JsonNode?> words = Enum.GetNames(type).Select(word => (JsonNode)JsonNamingPolicy.KebabCaseLower.ConvertName(word));
            return new JsonObject { ["enum"] = new JsonArray([.. nullable ? words.Append(null) : words]) };
        }

        if (type.IsGenericType)
        {
            var item = type.GetGenericArguments()[0];
            var list = new JsonObject { ["type"] = "array", ["items"] = item == typeof(MethodRecipe) ? new JsonObject { ["anyOf"] = new JsonArray(Setting(typeof(TrainingMethod)), Reference("method")) } : Setting(item) };
            return item == typeof(int) ? new JsonObject { ["anyOf"] = new JsonArray(Setting(item), list) } : list;
        }

        var word = type == typeof(string) ? "string" : type == typeof(int) || type == typeof(long) ? "integer" : type == typeof(double) ? "number" : type == typeof(bool) ? "boolean" : type == typeof(JsonObject) ? "object" : null;
        return word is null ? Reference(RecipeSchema.Definition(type)!) : new JsonObject { ["type"] = nullable ? new JsonArray(word, "null") : word };
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    private static JsonNode? Default(object? value) => value switch
    {
        bool flag => flag,
        int or long or double => JsonNode.Parse(JsonSerializer.Serialize(value)),
        Enum word => JsonNamingPolicy.KebabCaseLower.ConvertName(word.ToString()),
        _ => null,
    };

    private static void WithoutDescriptions(JsonNode? node)
    {
        if (node is JsonObject group)
        {
            if (group["description"] is JsonValue)
            {
                group.Remove("description");
            }

            foreach (var (_, value) in group)
            {
                WithoutDescriptions(value);
            }
        }

        foreach (var item in node as JsonArray ?? [])
        {
            WithoutDescriptions(item);
        }
    }
}
