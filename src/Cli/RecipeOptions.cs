using System.Collections;
using System.CommandLine;

namespace EoOnnx.Cli;

/// <summary>Options of the command line that stand for the settings of one group of a recipe, each beside what it sets; in the order of the help.</summary>
/// <typeparam name="T">The group.</typeparam>
internal sealed class RecipeOptions<T> : IEnumerable<Option>
{
    private readonly List<(Option Option, Func<T, ParseResult, T> Set)> _settings = [];

    /// <summary>Adds an option and what its value sets.</summary>
    public void Add<TValue>(Option<TValue> option, Func<T, TValue, T> set) => _settings.Add((option, (group, parsed) => set(group, parsed.GetValue(option)!)));

    /// <summary>The group with all that the command line says; options that were left out set their defaults.</summary>
    public T Apply(T group, ParseResult parsed) => _settings.Aggregate(group, (changed, setting) => setting.Set(changed, parsed));

    /// <inheritdoc/>
    public IEnumerator<Option> GetEnumerator() => _settings.Select(setting => setting.Option).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
