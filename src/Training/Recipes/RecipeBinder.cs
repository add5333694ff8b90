using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Formats;
using YamlDotNet.RepresentationModel;

namespace EoOnnx.Training.Recipes;

/// <summary>Makes a recipe of YAML nodes; every error names the place.</summary>
/// <param name="path">The file, for messages.</param>
internal sealed class RecipeBinder(string path)
{
    /// <summary>Binds the whole recipe.</summary>
    /// <exception cref="RecipeException">An unknown setting, a value of the wrong kind, or one that is missing.</exception>
    public TrainingRecipe Bind(YamlMappingNode root) => (TrainingRecipe)Record(typeof(TrainingRecipe), root, "");

    /// <summary>Binds the methods of <c>method: […]</c>, each by itself.</summary>
    /// <exception cref="RecipeException">No list of methods, or one that cannot be bound.</exception>
    public IReadOnlyList<MethodRecipe> Methods(YamlMappingNode root) => root.Children.Count == 1 && root.Children[0].Value is YamlSequenceNode { Children.Count: > 0 } list
        ? (MethodRecipe[])List(typeof(MethodRecipe), list, "method")
        : throw new RecipeException($"{path} names no method; expected for example bitfit, or {{name: lora, rank: 4}}.");

    private object Record(Type type, YamlMappingNode node, string prefix)
    {
        var members = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(member => member.CanWrite).ToDictionary(member => JsonNamingPolicy.CamelCase.ConvertName(member.Name), StringComparer.Ordinal);
        var values = new Dictionary<PropertyInfo, (object? Value, YamlNode Node)>();
        foreach (var (key, value) in node.Children)
        {
            var name = (key as YamlScalarNode)?.Value ?? "";
            if (!members.TryGetValue(name, out var member))
            {
                throw Error(key, $"there is no setting '{prefix}{name}'.{Spelling.DidYouMean(name, members.Keys)} Known are {string.Join(", ", members.Keys)}.");
            }

            values.Add(member, (Value(member.PropertyType, value, prefix + name), value));
        }

        var missing = members.Where(member => member.Value.GetCustomAttribute<RequiredMemberAttribute>() is not null && !values.ContainsKey(member.Value)).Select(member => prefix + member.Key).ToList();
        if (missing.Count > 0)
        {
            throw Error(node, $"the setting '{missing[0]}' is missing.");
        }

        return Create(type, values);
    }

    private object Create(Type type, Dictionary<PropertyInfo, (object? Value, YamlNode Node)> values)
    {
        var record = RuntimeHelpers.GetUninitializedObject(type);
        var constructor = type.GetConstructor(Type.EmptyTypes);
        constructor?.Invoke(record, null);
        foreach (var (member, (value, node)) in values)
        {
            try
            {
                member.SetValue(record, value);
            }
            catch (TargetInvocationException failure) when (failure.InnerException is ArgumentException refused)
            {
                throw new RecipeException(Error(node, refused.Message.Split(" (Parameter '")[0]).Message, refused);
            }
        }

        return record;
    }

    private object? Value(Type type, YamlNode node, string name)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
        {
            return node is YamlScalarNode { Value: null or "" or "null" or "~", Style: YamlDotNet.Core.ScalarStyle.Plain } ? null : Value(inner, node, name);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            return List(type.GetGenericArguments()[0], node, name);
        }

        if (type == typeof(JsonObject))
        {
            return node is YamlMappingNode settings ? RecipeJson.Of(settings) : throw Error(node, $"'{name}' takes settings, for example {{dropout: 0.1}}; found {Kind(node)}.");
        }

        if (type == typeof(ClassRecipe))
        {
            return Class(node, name);
        }

        if (type == typeof(MethodRecipe) && node is not YamlMappingNode)
        {
            return Method(node, name);
        }

        if (type.Namespace == typeof(TrainingRecipe).Namespace && !type.IsEnum)
        {
            return node is YamlMappingNode group ? Record(type, group, $"{name}.") : throw Error(node, $"'{name}' is a group of settings; expected indented settings below it.");
        }

        return node is YamlScalarNode scalar ? Scalar(type, scalar, name) : throw Error(node, $"'{name}' takes one value; found {Kind(node)}.");
    }

    private Array List(Type item, YamlNode node, string name)
    {
        var nodes = node is YamlSequenceNode sequence ? sequence.Children
            : node is YamlScalarNode && item == typeof(int) ? [node]   // a list of one number
            : throw Error(node, $"'{name}' takes a list, for example [a, b]; found {Kind(node)}.");
        var list = Array.CreateInstance(item, nodes.Count);
        for (var i = 0; i < nodes.Count; i++)
        {
            list.SetValue(Value(item, nodes[i], string.Create(CultureInfo.InvariantCulture, $"{name}[{i}]")), i);
        }

        return list;
    }

    /// <summary>A name that stands for a method with its usual settings, or a list of methods: the first, with the others beside it.</summary>
    private MethodRecipe Method(YamlNode node, string name)
    {
        if (node is not YamlSequenceNode list)
        {
            return new MethodRecipe { Name = (TrainingMethod)Value(typeof(TrainingMethod), node, name)! };
        }

        var methods = (MethodRecipe[])List(typeof(MethodRecipe), node, name);
        return methods.Length == 0 ? throw Error(list, $"'{name}' is an empty list; name at least one method, for example [lora, bitfit].")
            : methods[0] with { With = [.. methods[0].With, .. methods[1..]] };
    }

    /// <summary><c>water</c>, <c>water=80</c> or <c>water: 80</c>.</summary>
    private ClassRecipe Class(YamlNode node, string name)
    {
        try
        {
            return node switch
            {
                YamlScalarNode { Value: { } text } => ClassRecipe.Parse(text),
                YamlMappingNode { Children: [{ Key: YamlScalarNode { Value: { } text }, Value: YamlScalarNode { Value: { } number } }] } => ClassRecipe.Parse($"{text}={number}"),
                _ => throw Error(node, $"'{name}' is a class: water, or water: 80 with its label value."),
            };
        }
        catch (ArgumentException refused)
        {
            throw new RecipeException(Error(node, refused.Message.Split(" (Parameter '")[0]).Message, refused);
        }
    }

    private object Scalar(Type type, YamlScalarNode node, string name)
    {
        var text = node.Value ?? "";
        if (type == typeof(string))
        {
            return text;
        }

        if (type.IsEnum)
        {
            var words = Enum.GetValues(type).Cast<object>().ToDictionary(item => JsonNamingPolicy.KebabCaseLower.ConvertName(item.ToString()!), StringComparer.OrdinalIgnoreCase);
            return words.TryGetValue(text, out var word) ? word
                : throw Error(node, $"'{name}' is '{text}'; expected one of {string.Join(", ", words.Keys)}.{Spelling.DidYouMean(text, words.Keys)}");
        }

        object? value = type switch
        {
            _ when type == typeof(int) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
            _ when type == typeof(long) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
            _ when type == typeof(double) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null,
            _ when type == typeof(bool) => bool.TryParse(text, out var flag) ? flag : null,
            _ => throw new RecipeException($"The setting '{name}' has the type {type.Name}, which a recipe cannot hold."),
        };
        return value ?? throw Error(node, $"'{name}' is '{text}'; expected {(type == typeof(bool) ? "true or false" : type == typeof(double) ? "a number" : "a whole number")}.");
    }

    private static string Kind(YamlNode node) => node is YamlSequenceNode ? "a list" : node is YamlMappingNode ? "a group of settings" : "one value";

    private RecipeException Error(YamlNode node, string message) => new(node.Start.Line > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{path}:{node.Start.Line}:{node.Start.Column}: {message}")
        : $"{path}: {message}");
}
