namespace EoOnnx.Cli;

/// <summary>What the process says to its caller. Scripts rely on these numbers: they are part of the public interface.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The work failed; standard error says why.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong; nothing was started.</summary>
    public const int Usage = 2;

    /// <summary>Cancelled by the user or the system (128 + SIGINT).</summary>
    public const int Cancelled = 130;
}
