using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EoOnnx.Training.Recipes;

/// <summary>Settings of free names in a recipe as JSON: plain scalars become numbers, true, false and null where they read so, quoted ones stay text.</summary>
internal static class RecipeJson
{
    private const int Deepest = 8, Most = 1000;   // an anchor that holds its own alias would never end

    /// <summary>The settings below a node.</summary>
    /// <exception cref="RecipeException">They are nested too deeply, or too many.</exception>
    public static JsonObject Of(YamlMappingNode node)
    {
        var left = Most;
        return Group(node, Deepest, ref left);
    }

    private static JsonObject Group(YamlMappingNode node, int depth, ref int left)
    {
        var group = new JsonObject();
        foreach (var (key, value) in node.Children)
        {
            group[(key as YamlScalarNode)?.Value ?? ""] = Value(value, depth - 1, ref left);
        }

        return group;
    }

    private static JsonNode? Value(YamlNode node, int depth, ref int left)
    {
        if (depth < 0 || left-- <= 0)
        {
            throw new RecipeException(string.Create(CultureInfo.InvariantCulture, $"Settings are nested over {Deepest} deep or more than {Most} (line {node.Start.Line}). Write them flat."));
        }

        switch (node)
        {
            case YamlMappingNode group:
                return Group(group, depth, ref left);
            case YamlSequenceNode list:
                var items = new JsonArray();
                foreach (var item in list.Children)
                {
                    items.Add(Value(item, depth - 1, ref left));
                }

                return items;
            case YamlScalarNode { Style: not ScalarStyle.Plain } quoted:
                return quoted.Value;
            case YamlScalarNode { Value: null or "" or "null" or "~" }:
                return null;
            case YamlScalarNode { Value: "true" or "false" } flag:
                return flag.Value == "true";
            case YamlScalarNode { Value: var text }:
                return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : text;
            default:
                throw new RecipeException(string.Create(CultureInfo.InvariantCulture, $"Line {node.Start.Line} holds {node.NodeType}; expected a value, a list or settings."));
        }
    }
}
