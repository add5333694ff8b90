using System.Globalization;
using EoOnnx.Runtime;
using Spectre.Console;

namespace EoOnnx.Cli;

/// <summary>What a batch has done, for a person or a program.</summary>
/// <param name="Folder">Where the maps and the summary are.</param>
/// <param name="Scenes">Every scene.</param>
/// <param name="Seconds">From start to end.</param>
/// <param name="IsPartial">The user ended it.</param>
/// <param name="Remark">What else is to be known.</param>
internal sealed record BatchResult(string Folder, IReadOnlyList<SceneOutcome> Scenes, double Seconds, bool IsPartial, string? Remark) : IPartialResult
{
    /// <inheritdoc/>
    public bool HasFailures => Scenes.Any(scene => scene.Status is SceneStatus.Failed);

    /// <summary>Writes the summary beside the maps.</summary>
    public static BatchResult Save(BatchReport report, string folder, bool isPartial, string? remark)
    {
        report.Save(folder);
        return new BatchResult(folder, report.Scenes, report.Seconds, isPartial, remark);
    }

    /// <summary>A message of progress: one line for every scene that ends, and how far all are.</summary>
    public static Step Describe(BatchProgress progress) => progress.Outcome is { } outcome
        ? new Step(outcome.Scene, null, outcome.Status == SceneStatus.Failed ? $"failed: {outcome.Error}" : string.Create(CultureInfo.InvariantCulture, $"{Word(outcome.Status)}, {outcome.Seconds:F1} s"))
        : new Step("mapping", progress.Fraction, string.Create(CultureInfo.InvariantCulture,
            $"{progress.Ended} of {progress.Scenes} scenes{(progress.Failed > 0 ? $", {progress.Failed} failed" : "")}; {progress.Scene} {progress.SceneFraction * 100:F0} %"));

    /// <summary>Shows the summary.</summary>
    public static void Draw(IAnsiConsole console, BatchResult result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("scene", "status", "Mpx", "seconds", "km²", "classes (km²)", "error");
        foreach (var scene in result.Scenes)
        {
            table.AddRow(Cell($"{scene.Scene}"), new Text(Word(scene.Status), Look(scene.Status)), Cell($"{scene.Pixels / 1e6:F2}"), Cell($"{scene.Seconds:F1}"), Cell($"{scene.SquareKilometres:F2}"),
                new Text(string.Join(", ", scene.Classes.Where(item => item.Pixels > 0).Select(item => FormattableString.Invariant($"{item.Name} {item.SquareKilometres:F2}")))), Cell($"{scene.Error}"));
        }

        console.Write(table);
        var counts = result.Scenes.GroupBy(scene => scene.Status).OrderBy(group => group.Key).Select(group => FormattableString.Invariant($"{group.Count()} {Word(group.Key)}"));
        console.WriteLine(FormattableString.Invariant($"{string.Join(", ", counts)} in {result.Seconds:F1} s; summary: {Path.Combine(result.Folder, "summary.csv")}"));
        if (result.Remark is { } remark)
        {
            console.WriteLine(remark);
        }
    }

    private static Style Look(SceneStatus status) => new(status switch
    {
        SceneStatus.Failed => Color.Red,
        SceneStatus.Cancelled => Color.Yellow,
        _ => Color.Green,
    });

    private static string Word(SceneStatus status) => status.ToString().ToLowerInvariant();

    private static Text Cell(FormattableString text) => new(FormattableString.Invariant(text));
}
