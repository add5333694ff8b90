using EoOnnx.Formats;

namespace EoOnnx.Cli;

/// <summary>An exception in the words and the exit code that a user sees.</summary>
internal readonly record struct Failure(int ExitCode, string Message)
{
    /// <summary>Explains <paramref name="exception"/>: cancelled, wrong usage, a failure that EoOnnx explains, or a defect.</summary>
    /// <remarks>An argument that an options record refuses is wrong usage: the value came from the command line.</remarks>
    public static Failure Of(Exception exception) => exception switch
    {
        OperationCanceledException => new(Cli.ExitCode.Cancelled, "cancelled."),
        UsageException => new(Cli.ExitCode.Usage, exception.Message),
        ArgumentException => new(Cli.ExitCode.Usage, WithoutParameterName(exception.Message)),
        AggregateException { InnerExceptions: [var only] } => Of(only),
        EoOnnxException or IOException or UnauthorizedAccessException => new(Cli.ExitCode.Failed, exception.Message),
        DllNotFoundException => new(Cli.ExitCode.Failed, $"{exception.Message.TrimEnd('.')}. Run 'eoonnx doctor' to see what is missing."),
        OutOfMemoryException => new(Cli.ExitCode.Failed, "out of memory. Use a smaller --batch or a smaller model."),
        _ => new(Cli.ExitCode.Failed, $"{exception.GetType().Name}: {exception.Message} This is a defect of eoonnx: set {TraceVariable}=1, run again and report the trace."),
    };

    /// <summary>Set to 1 to see the stack of a failure.</summary>
    public const string TraceVariable = "EOONNX_TRACE";

    // .NET adds " (Parameter 'Rank')" and "Actual value was 0." on lines of their own; the library's sentence says it already.
    private static string WithoutParameterName(string message)
    {
        var end = message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }
}
