using System.Globalization;
using EoOnnx.Runtime;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary>Shows what mapping a scene would need: tiles, memory, disk.</summary>
internal static class ScenePlanTable
{
    /// <summary>The plan as a table, with what the user should know about the scene.</summary>
    public static void Draw(IAnsiConsole console, ScenePlan plan)
    {
        console.WriteLine(Text($"{plan.Width:N0} x {plan.Height:N0} pixels, {plan.Tiles:N0} tiles of {plan.TileSize} px with overlap {plan.OverlapSize}, {plan.TileRuns:N0} tiles through the model; up to {plan.DiskBytes >> 20:N0} MiB on disk"));
        var table = new Table().Border(TableBorder.Simple).AddColumns("memory for", "MiB");
        foreach (var part in plan.Memory.Parts)
        {
            table.AddRow(new Text(part.Name), Mebibytes(part.Bytes));
        }

        table.AddRow(new Text("all"), Mebibytes(plan.Memory.TotalBytes));
        console.Write(table);
        console.WriteLine(Text($"of {plan.Memory.BudgetBytes >> 20:N0} MiB; {BatchRate.Describe(plan.Memory.Batch, plan.Memory.Rates)}, {plan.Memory.Panels} panels; nothing was written"));
        foreach (var warning in plan.Warnings)
        {
            console.WriteLine($"warning: {warning}");
        }
    }

    private static Text Mebibytes(long bytes) => new(Text($"{bytes / 1048576.0:F1}"));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
