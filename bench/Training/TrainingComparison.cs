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
    private const double LargestRatio = 2.1;

    public static void Run(int threads, int repetitions, string part, TextWriter output)
    {
        var plain = new StepSettings { Threads = threads, Repetitions = repetitions };
        Write(output, $"LoRA r = 8 on q and v, linear head, AdamW; {Environment.ProcessorCount} processors, AVX-512 {(System.Runtime.Intrinsics.X86.Avx512F.IsSupported ? "yes" : "no")}, {threads} threads, {repetitions} repetitions, .NET {Environment.Version}");
        if (part is "all" or "steps" or "growth")
        {
            Write(output, $"batch  tile  depth  computed again  weights  forward s   step s  step/forward  peak of a step");
        }

        if (part is "all" or "steps")
        {
            foreach (var (recompute, pack) in new[] { (Recompute.Nothing, true), (Recompute.Cheap, true), (Recompute.Cheap, false), (Recompute.Products, false) })
            {
                Compare(plain with { Recompute = recompute, Pack = pack, Peer = recompute == Recompute.Nothing }, output);
            }
        }

        if (part is "all" or "plans")
        {
            Write(output, $"plans in turns in one process: images at a time, computed again, weights, step s, step / forward of packed weights; processor time s, its ratio");
            foreach (var plan in Probe<List<PlanFigures>>("plans", plain))
            {
                Write(output, $"{plan.Part,2} {plan.Recompute,-14} {(plan.Pack ? "packed" : "mapped"),-7} {plan.Step,8:F3} {plan.Ratio,6:F2} {plan.Processor,8:F3} {plan.ProcessorRatio,6:F2}");
            }
        }

        if (part is "all" or "growth")
        {
            foreach (var other in new[] { plain with { Batch = 1 }, plain with { Batch = 4 }, plain with { Tile = 320 }, plain with { Depth = 3 }, plain with { Depth = 6 } })
            {
                Compare(other with { Recompute = Recompute.Cheap }, output);
            }
        }

        if (part is "all" or "epochs")
        {
            Epochs(plain with { Repetitions = Math.Min(repetitions, 3) }, output);
        }

        if (part is "all" or "waiting")
        {
            WaitingProbe.Run(threads, epochs: 1, output);
        }

        if (part is "all" or "runs")
        {
            Write(output, $"runs with validation: budget, estimated and measured peak");
            foreach (var budget in new long?[] { null, 2_100_000_000, 1_650_000_000 })
            {
                var figures = Probe<StepFigures>("probe", plain with { Subject = "run", MemoryBudget = budget });
                Write(output, $"{(budget is { } bytes ? FormattableString.Invariant($"{bytes / 1e6:F0} MB") : "none"),-9} {figures.EstimatedBytes / 1e6,6:F0} MB estimated, {figures.PeakBytes / 1e6,6:F0} MB measured{(figures.PeakBytes <= budget ? "" : budget is null ? "" : ", OVER THE BUDGET")}, computed again: {figures.Name}");
            }
        }
    }

    /// <summary>Epochs of two steps and a validation of one batch: everything in every epoch against features that are kept.</summary>
    private static void Epochs(StepSettings plain, TextWriter output)
    {
        Write(output, $"epochs of 2 steps and 1 validation batch: adapters, training s, with validation s, against LoRA on all blocks, features before the first step s, their size, peak");
        var all = Probe<EpochFigures>("epochs", plain);
        Write(output, $"all blocks           {all.Training,8:F3} {all.Whole,8:F3}     1.0 times                                     {all.PeakBytes / 1e6,6:F0} MB");
        foreach (var (name, adapted, goal) in new[] { ("last 3 blocks, kept", 3, 3.5), ("head alone, kept   ", 0, 20.0) })
        {
            var kept = Probe<EpochFigures>("epochs", plain with { Adapted = adapted, KeepFeatures = true });
            var times = all.Training / kept.Training;
            Write(output, $"{name,-20} {kept.Training,8:F3} {kept.Whole,8:F3} {times,7:F1} times (goal {goal:F1}: {(times >= goal ? "reached" : "MISSED")}) {kept.Before,7:F2} s {kept.FeatureBytes / 1e6,6:F1} MB {kept.PeakBytes / 1e6,6:F0} MB");
        }
    }

    private static void Compare(StepSettings settings, TextWriter output)
    {
        var turns = Probe<StepFigures>("probe", settings with { Subject = "turns" });
        var alone = Probe<StepFigures>("probe", settings with { Subject = "step", Repetitions = 2, Peer = false });
        Write(output, $"{settings.Batch,5} {settings.Tile,5} {settings.Depth,6}  {settings.Recompute,-14}  {(settings.Pack ? "packed" : "mapped"),-7} {turns.Forward,10:F3} {turns.Step,8:F3} {turns.Ratio,13:F2} {alone.PeakBytes / 1e6,12:F0} MB");
        if (settings.Peer)
        {
            Write(output, $"  step/forward {turns.Ratio:F2}, goal at most {LargestRatio}: {(turns.Ratio <= LargestRatio ? "reached" : "MISSED")}");
            Write(output, $"  {turns.Peer}{(turns.PeerStep > 0 ? FormattableString.Invariant($": step {turns.PeerStep:F3} s, {turns.PeerStep / turns.Step:F2} times ours") : "")}");
        }
    }

    private static T Probe<T>(string what, StepSettings settings)
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [what, settings.ToArgument()]) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<T>(text)!
            : throw new InvalidOperationException($"The measuring process for {settings.ToArgument()} ended with exit code {process.ExitCode}.");
    }

    private static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
