using System.CommandLine;
using System.CommandLine.Invocation;

namespace EoOnnx.Cli;

/// <summary>The parser's own help followed by the verb's example.</summary>
internal sealed class ExampleHelp(SynchronousCommandLineAction standard) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        standard.Invoke(parseResult);
        if (parseResult.CommandResult.Command is Verb { Example.Length: > 0 } verb)
        {
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Example:");
            foreach (var line in verb.Example.Split('\n'))
            {
                output.WriteLine($"  {line}");
            }

            output.WriteLine();
        }

        return ExitCode.Done;
    }
}
