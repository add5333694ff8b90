using System.CommandLine;
using System.Globalization;
using EoOnnx.Training.Data;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx stats</c>: the numbers of a labelled data set.</summary>
internal static class StatsVerb
{
    public static Command Create(Terminal terminal)
    {
        var verb = new Verb("stats", "Show mean, deviation and range of every band, and how often each label occurs, in a labelled data set.")
        {
            Example = "eoonnx synthesize --out invented --seeds 1,2,3\neoonnx stats --data invented",
        };
        var chips = new ChipOptions(verb, meaning: false);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) =>
            {
                var source = chips.Open(parsed);
                return Task.FromResult(DatasetStatistics.Of(
                    source, progress.For<int>(done => new Step("reading", (double)done / source.Chips.Count, $"{done} of {source.Chips.Count} chips")), token));
            },
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, DatasetStatistics statistics)
    {
        console.WriteLine($"{statistics.Chips} chips");
        var bands = new Table().Border(TableBorder.Simple).AddColumns("band", "mean", "deviation", "minimum", "maximum", "missing");
        foreach (var (name, band) in statistics.BandNames.Zip(statistics.Bands))
        {
            bands.AddRow(new Text(name), Number(band.Mean), Number(band.StandardDeviation), Number(band.Minimum), Number(band.Maximum), Percent((double)band.Missing / Math.Max(1, band.Count + band.Missing)));
        }

        console.Write(bands);
        var labels = new Table().Border(TableBorder.Simple).AddColumns("label", "pixels", "share");
        foreach (var label in statistics.Labels)
        {
            labels.AddRow(Number(label.Value), new Text(label.Pixels.ToString("N0", CultureInfo.InvariantCulture)), Percent(label.Share));
        }

        labels.AddRow(new Text("missing"), new Text(statistics.MissingLabels.ToString("N0", CultureInfo.InvariantCulture)), Text.Empty);
        console.Write(labels);
    }

    private static Text Number(double value) => new(value.ToString("G6", CultureInfo.InvariantCulture));

    private static Text Percent(double share) => new((share * 100).ToString("F2", CultureInfo.InvariantCulture) + " %");
}
