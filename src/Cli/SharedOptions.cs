using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Cli;

/// <summary>Options that several verbs have, defined once so that they mean the same everywhere.</summary>
internal static class SharedOptions
{
    /// <summary>Machine-readable output; on every verb.</summary>
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as one JSON document, and progress as one JSON event a line on standard error.",
        Recursive = true,
    };

    /// <summary>An option that must be given.</summary>
    public static Option<T> Required<T>(string name, string description, string? placeholder = null) =>
        new(name) { Description = description, Required = true, HelpName = placeholder };

    /// <summary>An option with a default that the help shows.</summary>
    public static Option<T> WithDefault<T>(string name, T value, string description, string? placeholder = null) =>
        new(name) { Description = description, DefaultValueFactory = _ => value, HelpName = placeholder };

    /// <summary>An option that may be left out.</summary>
    public static Option<T?> Optional<T>(string name, string description, string? placeholder = null) =>
        new(name) { Description = description, HelpName = placeholder };

    /// <summary>The list of classes.</summary>
    public static Option<string[]?> Classes(string description, bool required) =>
        new("--classes") { Description = description, Required = required, HelpName = "names", CustomParser = Lists.Texts };

    /// <summary>An option whose value is one of the words of an enumeration, written in lower case with hyphens.</summary>
    public static Option<T> Choice<T>(string name, T value, string description) where T : struct, Enum => new(name)
    {
        Description = $"{description} One of {string.Join(", ", Words<T>().Keys)}.",
        HelpName = "word",
        DefaultValueFactory = _ => value,
        CustomParser = argument => Word<T>(name, argument, argument.Tokens.Single().Value) ?? value,
    };

    /// <summary>An option as <see cref="Choice"/> that may be left out.</summary>
    public static Option<T?> OptionalChoice<T>(string name, string description) where T : struct, Enum => new(name)
    {
        Description = $"{description} One of {string.Join(", ", Words<T>().Keys)}.",
        HelpName = "word",
        CustomParser = argument => Word<T>(name, argument, argument.Tokens.Single().Value),
    };

    internal static Dictionary<string, T> Words<T>() where T : struct, Enum =>
        Enum.GetValues<T>().ToDictionary(item => JsonNamingPolicy.KebabCaseLower.ConvertName(item.ToString()), item => item, StringComparer.OrdinalIgnoreCase);

    internal static T? Word<T>(string name, ArgumentResult argument, string text) where T : struct, Enum
    {
        var words = Words<T>();
        if (words.TryGetValue(text, out var found))
        {
            return found;
        }

        argument.AddError($"{name} is '{text}'; expected one of {string.Join(", ", words.Keys)}.{Spelling.DidYouMean(text, words.Keys)}");
        return null;
    }

    /// <summary>An argument that names a file that must exist.</summary>
    public static Argument<FileInfo> ExistingFile(string name, string description) =>
        new Argument<FileInfo>(name) { Description = description }.AcceptExistingOnly();

    /// <summary>A required option that names a file that must exist.</summary>
    public static Option<FileInfo> RequiredFile(string name, string description) => Required<FileInfo>(name, description, "file").AcceptExistingOnly();

    /// <summary>An option that names a file that must exist.</summary>
    public static Option<FileInfo?> OptionalFile(string name, string description)
    {
        var option = Optional<FileInfo>(name, description, "file");
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !File.Exists(token.Value))
            {
                result.AddError($"File does not exist: '{token.Value}'.");
            }
        });
        return option;
    }
}
