using System.CommandLine;
using System.Text.Json;
using Spectre.Console;

namespace EoOnnx.Cli;

/// <summary>
/// Between the verbs and the world: turns progress into text or events, results into text or JSON, and exceptions into exit codes.
/// Results go to standard output, everything else to standard error; with <c>--json</c> standard output is exactly one JSON document
/// and standard error holds one JSON event a line.
/// </summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool isInteractive)
{
    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() => new(
        Console.Out, Console.Error, !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb"));

    /// <summary>Where results go.</summary>
    public TextWriter Output => output;

    /// <summary>Runs a verb and returns the exit code of the process.</summary>
    /// <param name="parsed">The command line, for <c>--json</c>.</param>
    /// <param name="work">What the verb does.</param>
    /// <param name="draw">Shows the result to a person.</param>
    /// <param name="cancellation">Ends the work; the exit code is then 130.</param>
    public async Task<int> RunAsync<T>(
        ParseResult parsed, Func<ProgressSink, CancellationToken, Task<T>> work, Action<IAnsiConsole, T> draw, CancellationToken cancellation)
    {
        var json = parsed.GetValue(SharedOptions.Json);
        var progress = new ProgressSink(error, json ? ProgressForm.Json : isInteractive ? ProgressForm.Live : ProgressForm.Lines, Width);
        try
        {
            cancellation.ThrowIfCancellationRequested();
            var result = await work(progress, cancellation);
            progress.Close();
            if (json)
            {
                output.WriteLine(JsonSerializer.Serialize(result, JsonOutput.Document));
            }
            else
            {
                draw(CreateConsole(), result);
            }

            return result switch
            {
                IPartialResult { IsPartial: true } => ExitCode.Cancelled,
                IPartialResult { HasFailures: true } => ExitCode.Failed,
                _ => ExitCode.Done,
            };
        }
        catch (Exception exception)
        {
            progress.Close();
            return Fail(Failure.Of(exception), json, exception);
        }
    }

    /// <summary>Reports a failure on standard error and returns its exit code.</summary>
    public int Fail(Failure failure, bool json, Exception? exception = null)
    {
        error.WriteLine(json
            ? JsonSerializer.Serialize(new { @event = "error", failure.Message, failure.ExitCode }, JsonOutput.Line)
            : $"eoonnx: {failure.Message}");
        if (exception is not null && Environment.GetEnvironmentVariable(Failure.TraceVariable) == "1")
        {
            error.WriteLine(exception);
        }

        return failure.ExitCode;
    }

    private static int Width => Console.IsErrorRedirected ? 100 : Math.Max(40, Console.WindowWidth);

    private IAnsiConsole CreateConsole()
    {
        var redirected = output != Console.Out || Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Out = new AnsiConsoleOutput(output),
        });
        if (redirected)
        {
            console.Profile.Width = 160;   // a pipe has no width; do not wrap what a script reads
        }

        return console;
    }
}
