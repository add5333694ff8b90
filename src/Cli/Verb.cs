using System.CommandLine;

namespace EoOnnx.Cli;

/// <summary>A command of eoonnx: <see cref="Command"/> with an example that works when pasted.</summary>
internal sealed class Verb(string name, string description) : Command(name, description)
{
    /// <summary>Set by the start script to the way it was called, so that a pasted example finds the program.</summary>
    public const string ProgramVariable = "EOONNX_PROGRAM";

    private string _example = "";

    /// <summary>Command lines; each starts with <c>eoonnx</c>, which the help replaces by the way the program was started.</summary>
    public required string Example
    {
        get
        {
            var program = Environment.GetEnvironmentVariable(ProgramVariable) is { Length: > 0 } started ? started : "eoonnx";
            return string.Join('\n', _example.Split('\n').Select(line => line.StartsWith("eoonnx ", StringComparison.Ordinal) ? program + line[6..] : line));
        }
        init => _example = value;
    }
}
