using System.Globalization;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary>Metrics of a segmentation as tables.</summary>
internal static class MetricsTable
{
    public static void Draw(IAnsiConsole console, IReadOnlyDictionary<string, double> metrics, IReadOnlyList<string> classes)
    {
        var totals = new Table().Border(TableBorder.Simple).AddColumns("metric", "value");
        foreach (var name in new[] { "mIoU", "Pixel_Accuracy", "F1_Score" })
        {
            totals.AddRow(new Text(name), Number(metrics[name]));
        }

        console.Write(totals);
        var table = new Table().Border(TableBorder.Simple).AddColumns("class", "IoU", "recall", "F1");
        foreach (var name in classes)
        {
            table.AddRow(new Text(name), Number(metrics[$"IoU_{name}"]), Number(metrics[$"Class_Accuracy_{name}"]), Number(metrics[$"Class_F1_{name}"]));
        }

        console.Write(table);
    }

    public static Text Number(double value) => new(value.ToString("F4", CultureInfo.InvariantCulture));
}
