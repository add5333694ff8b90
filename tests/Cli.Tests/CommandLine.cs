namespace EoOnnx.Cli;

/// <summary>One run of the command line inside the test process.</summary>
internal sealed record CommandLine(int ExitCode, string Output, string Error)
{
    public static async Task<CommandLine> RunAsync(params string[] args) => await RunAsync(CancellationToken.None, args);

    public static async Task<CommandLine> RunAsync(CancellationToken cancellation, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await Program.RunAsync(args, new Terminal(output, error, isInteractive: false), cancellation);
        return new CommandLine(code, output.ToString(), error.ToString());
    }
}
