using System.CommandLine;
using System.Globalization;
using EoOnnx.Cli.Diagnosis;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx bench scene</c>: what streaming a scene costs on this machine over the model alone.</summary>
internal static class BenchVerb
{
    public static Command Create(Terminal terminal) => new("bench", "Measure this machine.") { Scene(terminal) };

    private static Verb Scene(Terminal terminal)
    {
        var scene = new Argument<FileInfo?>("scene") { Description = "A scene whose bands are the model's, in its order. Default: an invented one, see --size.", Arity = ArgumentArity.ZeroOrOne };
        var model = SharedOptions.RequiredFile("--model", "The model, an .onnx file.");
        var size = SharedOptions.WithDefault("--size", 2048, "Edge of the invented scene; a Sentinel-2 tile has 10980.", "pixels");
        var turns = SharedOptions.WithDefault("--turns", 5, "Runs of the model alone and of the scene, in turns; medians count.", "n");
        var overlap = new Option<int?>("--overlap") { Description = "Pixels that neighbouring tiles share. Default: what the model says.", HelpName = "pixels" };
        var batch = new Option<int?>("--batch") { Description = "Tiles a model call.", HelpName = "tiles" };
        var heights = new Option<bool>("--heights") { Description = "Also map invented scenes once, twice and four times as high as --size, each in a process of its own, and compare their peak memory." };
        var loading = new LoadingOptions();
        var verb = new Verb("scene", "Map a scene again and again, and the model alone on as many tiles: tiles a second of both, the overhead of reading, cutting, blending and writing, memory.")
        {
            Example = "eoonnx demo --out demo\neoonnx bench scene --model demo/run/model.onnx --size 512 --turns 3",
        };
        verb.Add(scene);
        foreach (var option in (Option[])[model, size, turns, overlap, batch, heights, .. loading.All])
        {
            verb.Add(option);
        }

        verb.SetAction((parsed, cancellation) => terminal.RunAsync(parsed, async (progress, token) =>
        {
            using var loaded = EoModel.Load(parsed.GetRequiredValue(model).ToString(), loading.Read(parsed));
            var options = new SceneOptions { Overlap = parsed.GetValue(overlap) is { } pixels ? TileOverlap.Parse(pixels.ToString(CultureInfo.InvariantCulture)) : null, Batch = parsed.GetValue(batch) };
            var (benchmark, edge, told) = (new SceneBenchmark(loaded), new PixelSize(parsed.GetValue(size), parsed.GetValue(size)), progress.For<SceneProgress>(InferVerb.Describe));
            var report = await benchmark.RunAsync(parsed.GetValue(scene)?.ToString(), edge, options, parsed.GetValue(turns), told, token);
            return report with { Machine = MachineDiagnosis.Summary, Heights = parsed.GetValue(heights) ? await HeightMemory.MeasureAsync(benchmark, edge, path => Once(parsed, path), told, token) : [] };
        }, Draw, cancellation));
        return verb;

        // This very command for one scene and one turn.
        IReadOnlyList<string> Once(ParseResult parsed, string path) => ["bench", "scene", path, "--turns", "1", "--json",
            .. ((Option[])[model, overlap, batch, .. loading.All]).Where(option => parsed.GetResult(option) is { Implicit: false })
                .SelectMany(option => parsed.GetResult(option)!.Tokens.Select(token => token.Value).Prepend(option.Name))];
    }

    private static void Draw(IAnsiConsole console, SceneBenchmarkReport report)
    {
        console.WriteLine(report.Machine ?? MachineDiagnosis.Summary);
        console.WriteLine(Text($"{report.Width:N0} x {report.Height:N0} pixels, {report.Tiles:N0} tiles of {report.TileSize} px with overlap {report.OverlapSize}, {report.Batch} a call, {report.Threads} threads"));
        var table = new Table().Border(TableBorder.Simple).AddColumns("way", "tiles/s", "from", "to", "overhead");
        Row("model alone", report.ModelTilesPerSecond, null);
        Row("streamed", report.StreamedTilesPerSecond, report.StreamOverhead);
        Row("whole runs", report.SceneTilesPerSecond, report.Overhead);
        console.Write(table);
        console.WriteLine(Text($"{report.MegapixelsPerSecond:F3} Mpx/s{(report.SquareKilometresPerSecond is { } area ? Text($", {area:F2} km2/s") : "")}, {report.PeakBytes >> 20:N0} MiB at most{(report.ReadShare is { } share ? Text($", {share:F2} bytes read for each of the file") : "")}"));
        if (report.HeightSpread is { } spread)
        {
            console.WriteLine(Text($"peak memory of a process for {string.Join(", ", report.Heights.Select(height => Text($"{height.Height:N0} rows {height.PeakBytes / 1048576.0:F0} MiB")))}: the worst takes {spread * 100:F1} % more than the best (goal: 3 %)"));
        }

        var seconds = report.Seconds;
        console.WriteLine(Text($"last run: total {seconds.Total:F2} s: read {seconds.Read:F2}, prepare {seconds.Prepare:F2}, model {seconds.Model:F2}, blend {seconds.Blend:F2}, write {seconds.Write:F2}, finish {seconds.Finish:F2}"));

        void Row(string way, MeasuredRate rate, double? overhead) =>
            table.AddRow(new Text(way), new Text(Text($"{rate.Median:F2}")), new Text(Text($"{rate.Lowest:F2}")), new Text(Text($"{rate.Highest:F2}")), new Text(overhead is { } part ? Text($"{part * 100:F1} %") : ""));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
