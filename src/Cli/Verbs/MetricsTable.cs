using System.Globalization;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary>Metrics of a task as tables.</summary>
internal static class MetricsTable
{
    public static void Draw(IAnsiConsole console, IReadOnlyDictionary<string, double> metrics, IReadOnlyList<string> classes)
    {
        var totals = new Table().Border(TableBorder.Simple).AddColumns("metric", "value");
        var overlap = metrics.ContainsKey("mIoU");
        foreach (var (name, value) in metrics.Where(metric => overlap ? metric.Key is "mIoU" or "Boundary_mIoU" or "Pixel_Accuracy" or "F1_Score" : !IsOfClass(metric.Key)))
        {
            totals.AddRow(new Text(name), Number(value));
        }

        console.Write(totals);
        if (!metrics.Keys.Any(IsOfClass))
        {
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns(overlap ? ["class", "IoU", "recall", "F1"] : ["class", "recall", "F1"]);
        foreach (var name in classes)
        {
            Text[] figures = [Number(metrics[$"Class_Accuracy_{name}"]), Number(metrics[$"Class_F1_{name}"])];
            table.AddRow([new Text(name), .. overlap ? [Number(metrics[$"IoU_{name}"])] : Array.Empty<Text>(), .. figures]);
        }

        console.Write(table);
    }

    private static bool IsOfClass(string metric) => metric.StartsWith("Class_", StringComparison.Ordinal) || metric.StartsWith("IoU_", StringComparison.Ordinal);

    public static Text Number(double value) => new(value.ToString("F4", CultureInfo.InvariantCulture));
}
