using System.CommandLine;
using System.CommandLine.Parsing;
using EoOnnx.Formats;

namespace EoOnnx.Cli;

/// <summary>The one sentence about a command line that cannot be run.</summary>
internal static class UsageErrors
{
    /// <summary>What is wrong with <paramref name="parsed"/>, or null when nothing is.</summary>
    public static string? Find(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var stray = StrayOption(parsed);
        var misspeltVerb = command.Subcommands.Count > 0 && parsed.UnmatchedTokens is [var first, ..] && !first.StartsWith('-');
        if (stray is not null && !misspeltVerb)
        {
            return $"{command.Name} has no option '{stray}'.{Spelling.DidYouMean(stray, OptionNames(parsed.CommandResult))}{SeeHelp(command)}";
        }

        if (parsed.UnmatchedTokens is [var unmatched, ..])
        {
            return command.Subcommands.Count > 0
                ? $"{(command is RootCommand ? "there is no verb" : command.Name + " has no verb")} '{unmatched}'.{Spelling.DidYouMean(unmatched, command.Subcommands.Select(verb => verb.Name))}{SeeHelp(command)}"
                : $"{command.Name} does not take the argument '{unmatched}'.{SeeHelp(command)}";
        }

        return parsed.Errors is [var error, ..] ? $"{error.Message.TrimEnd()}{SeeHelp(command)}" : null;
    }

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

    private static string SeeHelp(Command command) =>
        command is RootCommand ? " See 'eoonnx --help'." : $" See 'eoonnx {Path(command)} --help'.";

    private static string Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand ? $"{Path(parent)} {command.Name}" : command.Name;
}
