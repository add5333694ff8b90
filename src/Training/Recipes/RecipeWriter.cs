using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EoOnnx.Training.Recipes;

/// <summary>Writes recipes as YAML: what differs from the defaults, each setting with its meaning above it.</summary>
public static class RecipeWriter
{
    /// <summary>The text of a recipe; <see cref="RecipeFile"/> reads it back as the same recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="header">Lines of comment in front.</param>
    /// <param name="remarks">Comments of settings by path (<c>data.classes</c>), instead of their meaning.</param>
    public static string Write(TrainingRecipe recipe, IReadOnlyList<string> header, IReadOnlyDictionary<string, string>? remarks = null)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        foreach (var line in header)
        {
            text.WriteLine($"# {line}".TrimEnd());
        }

        var emitter = new Emitter(text, EmitterSettings.Default.WithBestWidth(int.MaxValue).WithIndentedSequences().WithNewLine("\n"));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Record(emitter, recipe, "", remarks ?? new Dictionary<string, string>());
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Record(Emitter emitter, object record, string prefix, IReadOnlyDictionary<string, string> remarks)
    {
        var type = record.GetType();
        var defaults = RuntimeHelpers.GetUninitializedObject(type);
        type.GetConstructor(Type.EmptyTypes)?.Invoke(defaults, null);
        emitter.Emit(new MappingStart());
        foreach (var member in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(member => member.CanWrite))
        {
            var value = member.GetValue(record);
            if (value is null || (member.GetCustomAttribute<RequiredMemberAttribute>() is null && Json(value) == Json(member.GetValue(defaults))))
            {
                continue;
            }

            var name = JsonNamingPolicy.CamelCase.ConvertName(member.Name);
            if ((remarks.GetValueOrDefault(prefix + name) ?? RecipeSchema.Description(type, name)) is { Length: > 0 } comment)
            {
                emitter.Emit(new Comment(comment, isInline: false));
            }

            emitter.Emit(Plain(name));
            Value(emitter, value, prefix + name, remarks);
        }

        emitter.Emit(new MappingEnd());
    }

    private static void Value(Emitter emitter, object value, string path, IReadOnlyDictionary<string, string> remarks)
    {
        switch (value)
        {
            case string or bool or Enum or IFormattable:
                emitter.Emit(Plain(Word(value)));
                break;
            case ClassRecipe { Value: null } item:
                emitter.Emit(Plain(item.Name));
                break;
            case ClassRecipe item:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, true, MappingStyle.Flow));
                emitter.Emit(Plain(item.Name));
                emitter.Emit(Plain(Word(item.Value!)));
                emitter.Emit(new MappingEnd());
                break;
            case JsonNode node:
                Node(emitter, node);
                break;
            case System.Collections.IEnumerable list:
                var items = list.Cast<object>().ToList();
                var flow = items.All(item => item is string or IFormattable or JsonNode) || items.Count == 0;
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, flow ? SequenceStyle.Flow : SequenceStyle.Block));
                items.ForEach(item => Value(emitter, item, path, remarks));
                emitter.Emit(new SequenceEnd());
                break;
            default:
                Record(emitter, value, $"{path}.", remarks);
                break;
        }
    }

    private static void Node(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject group:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, true, MappingStyle.Flow));
                foreach (var (name, value) in group)
                {
                    emitter.Emit(Plain(name));
                    Node(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, SequenceStyle.Flow));
                foreach (var item in list)
                {
                    Node(emitter, item);
                }

                emitter.Emit(new SequenceEnd());
                break;
            case null:
                emitter.Emit(Plain("null"));
                break;
            default:
                // Text that reads like a number, true or null stays text between quotes.
                var text = node.GetValueKind() == JsonValueKind.String;
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text ? node.GetValue<string>() : node.ToJsonString(), text ? ScalarStyle.DoubleQuoted : ScalarStyle.Plain, true, true));
                break;
        }
    }

    private static Scalar Plain(string text) => new(AnchorName.Empty, TagName.Empty, text, ScalarStyle.Any, true, true);

    private static string Word(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        // 6E-05 is a number to YAML 1.2 only; 6.0E-05 to every reader.
        double number when number.ToString(CultureInfo.InvariantCulture) is var written && written.Contains('E', StringComparison.Ordinal) && !written.Contains('.', StringComparison.Ordinal) => written.Replace("E", ".0E", StringComparison.Ordinal),
        Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()!),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    private static string Json(object? value) => JsonSerializer.Serialize(value);
}
