using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EoOnnx.Training.Recipes;

/// <summary>Reads training recipes: YAML whose settings are the members of <see cref="TrainingRecipe"/>, in camel case.</summary>
public static class RecipeFile
{
    private const int LargestFile = 1 << 20;

    /// <summary>Reads a recipe.</summary>
    /// <param name="path">The file.</param>
    /// <param name="settings">Settings that replace those of the file: <c>optimizer.learningRate=1e-4</c>, <c>method.targets=[fc1, fc2]</c>.</param>
    /// <exception cref="RecipeException">Not YAML, an unknown setting, or a value of the wrong kind; the message has line and column.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TrainingRecipe Load(string path, IReadOnlyList<string>? settings = null)
    {
        if (new FileInfo(path).Length > LargestFile)
        {
            throw new RecipeException($"{path} has {new FileInfo(path).Length} bytes; a recipe has at most {LargestFile}. Is it another file?");
        }

        return Parse(File.ReadAllText(path), path, settings);
    }

    /// <summary>Reads a recipe from text.</summary>
    /// <inheritdoc cref="Load"/>
    internal static TrainingRecipe Parse(string text, string path, IReadOnlyList<string>? settings = null)
    {
        var root = Root(text, path);
        foreach (var setting in settings ?? [])
        {
            Set(root, setting);
        }

        return new RecipeBinder(path).Bind(root);
    }

    /// <summary>Reads settings of free names such as <c>{dropout: 0.1}</c>.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="name">What they belong to, for messages.</param>
    /// <exception cref="RecipeException">They cannot be read.</exception>
    public static JsonObject Settings(string text, string name)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException failure)
        {
            throw new RecipeException($"{name} '{text}' is not YAML: {failure.InnerException?.Message ?? failure.Message}", failure);
        }

        return stream.Documents is [{ RootNode: YamlMappingNode root }] ? RecipeJson.Of(root)
            : throw new RecipeException($"{name} is '{text}'; expected settings such as '{{dropout: 0.1}}'.");
    }

    /// <summary>Reads methods as the setting <c>method</c> takes them: <c>bitfit</c>, <c>{name: lora, rank: 4}</c>, or several with commas between them.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="name">Where it was given, for messages.</param>
    /// <exception cref="RecipeException">Not YAML, no method, an unknown setting, or a value of the wrong kind.</exception>
    public static IReadOnlyList<MethodRecipe> Methods(string text, string name) =>
        new RecipeBinder(name).Methods(Root($"method: [{text}]", name));

    private static YamlMappingNode Root(string text, string path)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException failure)
        {
            throw new RecipeException($"{path}:{failure.Start.Line}:{failure.Start.Column}: not YAML: {failure.InnerException?.Message ?? failure.Message}", failure);
        }

        return stream.Documents is [{ RootNode: YamlMappingNode root }] ? root
            : throw new RecipeException($"{path}:1:1: a recipe is one YAML document of settings such as 'model: encoder.onnx'. Every setting is in docs/recipes.md.");
    }

    private static void Set(YamlMappingNode root, string setting)
    {
        var parts = setting.Split('=', 2);
        if (parts.Length != 2 || parts[0].Trim().Length == 0)
        {
            throw new RecipeException($"--set {setting}: expected name=value, for example optimizer.learningRate=1e-4.");
        }

        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(parts[1]));
        }
        catch (YamlException failure)
        {
            throw new RecipeException($"--set {setting}: the value is not YAML: {failure.Message}", failure);
        }

        var (node, names) = (root, parts[0].Trim().Split('.'));
        foreach (var name in names[..^1])
        {
            if (node.Children.TryGetValue(new YamlScalarNode(name), out var child) && child is not YamlMappingNode)
            {
                throw new RecipeException($"--set {setting}: {name} is no group of settings.");
            }

            if (child is null)
            {
                child = new YamlMappingNode();
                node.Children.Add(new YamlScalarNode(name), child);
            }

            node = (YamlMappingNode)child;
        }

        node.Children[new YamlScalarNode(names[^1])] = stream.Documents is [var document] ? document.RootNode : new YamlScalarNode("");
    }
}
