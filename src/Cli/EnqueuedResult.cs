using Spectre.Console;

namespace EoOnnx.Cli;

/// <summary>Scenes that were put on a queue.</summary>
/// <param name="Queue">The queue, without its password.</param>
/// <param name="Scenes">How many scenes.</param>
/// <param name="Tickets">What the queue calls them, in order.</param>
internal sealed record EnqueuedResult(string Queue, int Scenes, IReadOnlyList<string> Tickets)
{
    /// <summary>Shows what was done.</summary>
    public static void Draw(IAnsiConsole console, EnqueuedResult result) =>
        console.WriteLine(FormattableString.Invariant($"{result.Scenes} scenes are on the queue {result.Queue}; 'eoonnx worker' maps them. The same command with --wait waits for them: no scene is mapped twice."));
}
