using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Trainer;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary>Shows what a training run keeps in memory.</summary>
internal static class MemoryPlanTable
{
    /// <summary>The plan on one line, before the first step.</summary>
    public static string Line(MemoryPlan plan) =>
        $"{plan.Part} {(plan.Part == 1 ? "image" : "images")} at a time, keeps {Size(plan.KeptBytes)}, computes {Size(plan.RecomputedBytes)} again, weights {(plan.PackWeights ? "packed" : "mapped")}: about {Size(plan.EstimatedPeak)}{(plan.Budget is { } budget ? $" of {Size(budget)}" : "")}";

    /// <summary>The plan beside what was measured.</summary>
    public static void Draw(IAnsiConsole console, MemoryReport memory)
    {
        var plan = memory.Plan;
        var table = new Table().Border(TableBorder.None).AddColumn("memory").AddColumn(new TableColumn("size").RightAligned()).AddColumn("");
        table.AddRow("kept for gradients", Size(plan.KeptBytes), $"of {plan.Part} {(plan.Part == 1 ? "image" : "images")} at a time");
        table.AddRow("computed again", Size(plan.RecomputedBytes), plan.Recompute switch { Recompute.Nothing => "nothing", Recompute.Cheap => "what is cheap", _ => "products with weights too" });
        table.AddRow("values of a step at most", Size(plan.ValueBytes), "kept ones included");
        table.AddRow("frozen weights", Size(plan.WeightBytes), plan.PackWeights ? "packed" : "mapped, not packed");
        table.AddRow("trained tensors and state", Size(plan.StateBytes), "");
        if (plan.FeaturePassBytes > 0)
        {
            table.AddRow("features", Size(plan.FeatureBytes), $"and {Size(plan.FeaturePassBytes)} to compute them, before the first step");
        }

        table.AddRow("validation, batches, runtimes", Size(plan.ValidationBytes + plan.FixedBytes), "");
        table.AddRow("estimated peak", Size(plan.EstimatedPeak), plan.Budget is { } budget ? $"of {Size(budget)} allowed" : "no limit given");
        table.AddRow("measured peak", Size(memory.MeasuredPeak), "");
        console.Write(table);
    }

    private static string Size(long bytes) => new MemorySize(bytes).ToString();
}
