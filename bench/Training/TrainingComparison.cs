using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EoOnnx.Training.Autodiff;

namespace EoOnnx.Bench.Training;

/// <summary>
/// Time of a training step against a forward pass, in turns in one process, and peak memory, each in a process of its own: by what is computed
/// again, then by batch, tokens and depth.
/// </summary>
internal static class TrainingComparison
{
    public static void Run(int threads, int repetitions, TextWriter output)
    {
        var plain = new StepSettings { Threads = threads, Repetitions = repetitions };
        output.WriteLine($"LoRA r = 8 on q and v, linear head, AdamW; {Environment.ProcessorCount} processors, {threads} threads, {repetitions} repetitions, .NET {Environment.Version}");
        output.WriteLine("batch  tile  depth  computed again  weights  forward s   step s  step/forward  peak of a step");
        foreach (var (recompute, pack) in new[] { (Recompute.Nothing, true), (Recompute.Cheap, true), (Recompute.Cheap, false), (Recompute.Products, false) })
        {
            Compare(plain with { Recompute = recompute, Pack = pack }, output);
        }

        foreach (var other in new[] { plain with { Batch = 1 }, plain with { Batch = 4 }, plain with { Tile = 320 }, plain with { Depth = 3 }, plain with { Depth = 6 } })
        {
            Compare(other with { Recompute = Recompute.Cheap }, output);
        }

        output.WriteLine("runs with validation: budget, estimated and measured peak");
        foreach (var budget in new long?[] { null, 2_100_000_000, 1_650_000_000 })
        {
            var figures = Probe(plain with { Subject = "run", MemoryBudget = budget });
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{(budget is { } bytes ? $"{bytes / 1e6:F0} MB" : "none"),-9} {figures.EstimatedBytes / 1e6,6:F0} MB estimated, {figures.PeakBytes / 1e6,6:F0} MB measured, computed again: {figures.Name}"));
        }
    }

    private static void Compare(StepSettings settings, TextWriter output)
    {
        var turns = Probe(settings with { Subject = "turns" });
        var alone = Probe(settings with { Subject = "step", Repetitions = 2 });
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{settings.Batch,5} {settings.Tile,5} {settings.Depth,6}  {settings.Recompute,-14}  {(settings.Pack ? "packed" : "mapped"),-7} {turns.Forward,10:F3} {turns.Step,8:F3} {turns.Ratio,13:F2} {alone.PeakBytes / 1e6,12:F0} MB"));
    }

    private static StepFigures Probe(StepSettings settings)
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["probe", settings.ToArgument()]) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<StepFigures>(text)!
            : throw new InvalidOperationException($"The measuring process for {settings.ToArgument()} ended with exit code {process.ExitCode}.");
    }
}
