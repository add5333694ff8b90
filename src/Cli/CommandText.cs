using System.Buffers;
using System.CommandLine;
using EoOnnx.Raster;

namespace EoOnnx.Cli;

/// <summary>A command line as one text that a shell takes again; without the signatures and passwords that addresses carry.</summary>
internal static class CommandText
{
    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:,=+@%");

    /// <summary>The command line, with <c>eoonnx</c> in front.</summary>
    public static string Of(ParseResult parsed) => string.Join(' ', parsed.Tokens.Select(token => Quoted(RemoteAccess.Redact(token.Value))).Prepend("eoonnx"));

    private static string Quoted(string word) => word.Length > 0 && !word.AsSpan().ContainsAnyExcept(Plain) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
