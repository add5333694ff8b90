using System.CommandLine;
using System.CommandLine.Parsing;

namespace EoOnnx.Cli;

/// <summary>The one sentence about a command line that cannot be run.</summary>
internal static class UsageErrors
{
    /// <summary>What is wrong with <paramref name="parsed"/>, or null when nothing is.</summary>
    public static string? Find(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var stray = StrayOption(parsed);
        if (stray is not null)
        {
            return $"{command.Name} has no option '{stray}'.{DidYouMean(stray, OptionNames(parsed.CommandResult))}{SeeHelp(command)}";
        }

        if (parsed.UnmatchedTokens is [var unmatched, ..])
        {
            return command.Subcommands.Count > 0
                ? $"{(command is RootCommand ? "there is no verb" : command.Name + " has no verb")} '{unmatched}'.{DidYouMean(unmatched, command.Subcommands.Select(verb => verb.Name))}{SeeHelp(command)}"
                : $"{command.Name} does not take the argument '{unmatched}'.{SeeHelp(command)}";
        }

        return parsed.Errors is [var error, ..] ? $"{error.Message.TrimEnd()}{SeeHelp(command)}" : null;
    }

    /// <summary>The candidate that differs from <paramref name="word"/> by the fewest edits, when these are few.</summary>
    internal static string? Nearest(string word, IEnumerable<string> candidates) => candidates
        .Select(candidate => (candidate, distance: EditDistance(word, candidate)))
        .Where(pair => pair.distance <= Math.Max(1, (pair.candidate.Length + 1) / 3))
        .OrderBy(pair => pair.distance).ThenBy(pair => pair.candidate, StringComparer.Ordinal)
        .Select(pair => pair.candidate)
        .FirstOrDefault();

    // The parser takes an unknown --word for a positional argument; a word that starts with -- is never meant as one.
    private static string? StrayOption(ParseResult parsed) => parsed.Tokens
        .TakeWhile(token => token.Type != TokenType.DoubleDash)
        .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal))?.Value.Split('=')[0];

    private static IEnumerable<string> OptionNames(CommandResult command)
    {
        for (var result = command; result is not null; result = result.Parent as CommandResult)
        {
            foreach (var option in result.Command.Options.Where(option => result == command || option.Recursive))
            {
                yield return option.Name;
            }
        }
    }

    private static string DidYouMean(string word, IEnumerable<string> candidates) =>
        Nearest(word, candidates) is { } nearest ? $" Did you mean '{nearest}'?" : "";

    private static string SeeHelp(Command command) =>
        command is RootCommand ? " See 'eoonnx --help'." : $" See 'eoonnx {Path(command)} --help'.";

    private static string Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand ? $"{Path(parent)} {command.Name}" : command.Name;

    // Levenshtein distance, one row at a time.
    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
