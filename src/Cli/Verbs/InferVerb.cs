using System.CommandLine;
using System.Globalization;
using EoOnnx.Runtime;
using EoOnnx.Training.Adapters;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx infer SCENE</c>: a scene through a model, as a map.</summary>
internal static class InferVerb
{
    public static Command Create(Terminal terminal)
    {
        var source = new SceneSourceOptions();
        var map = SharedOptions.Required<string>("--out", "The map, a cloud-optimised GeoTIFF (.tif), or only its classes as polygons (.gpkg). MAP.report.json and MAP.report.html are written beside it. With several adapters, or all outputs of a model: a folder, or a name with {adapter} or {output}.", "file");
        var dryRun = new Option<bool>("--dry-run") { Description = "Show what the run would need — tiles, memory, disk — and stop." };
        var part = new Option<Shard?>("--shard-strips") { Description = "Make only rows of part i of n, for n processes on one shared disk that are given the same --out; the last one puts them together.", HelpName = "i/n", CustomParser = argument => BatchVerbOptions.ReadShard(argument) };
        var verb = new Verb("infer", "Map a scene of any size: stream it through a model and write a cloud-optimised GeoTIFF.")
        {
            Example = "eoonnx demo --out demo\neoonnx infer demo/evaluate/images/scene_b.tif --model demo/run/model.onnx --adapter demo/run/adapter.safetensors --out map.tif --confidence max --vector --stac --quicklook",
        };
        source.AddTo(verb);
        verb.Add(map);
        verb.Add(dryRun);
        verb.Add(part);
        var options = new SceneVerbOptions(verb);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync<object>(parsed, async (progress, token) =>
        {
            using var model = options.LoadModel(parsed);
            using var adapters = options.LoadAdapters(parsed, model);
            var read = options.Read(parsed, adapters.Adapters is [var first, ..] ? first : null);
            using var encoder = EncoderSharing.Prepare(model, adapters.Adapters, read.Output);
            using var scene = Scene.Open(model, source.Read(parsed), read with { SharedEncoder = encoder });
            var (pipeline, maps) = (new ScenePipeline(model), SceneOutput.For(parsed.GetRequiredValue(map), adapters.Adapters, options.Outputs(parsed, model)));
            if (parsed.GetValue(dryRun))
            {
                return pipeline.Plan(scene.Dataset, maps, scene.Options, token);
            }

            var isTold = false;
            var steps = progress.For<SceneProgress>(step =>
            {
                // The first report comes when everything is decided and nothing has run.
                if (!Interlocked.Exchange(ref isTold, true))
                {
                    progress.Announce("channels", scene.Channels, DrawChannels);
                }

                return Describe(step);
            });
            if (parsed.GetValue(part) is { } shard)
            {
                return maps is [var single] ? await pipeline.RunPartAsync(scene.Dataset, single.Path, shard, scene.Options with { Adapter = single.Adapter, Output = single.Output ?? scene.Options.Output }, steps, token)
                    : throw new UsageException($"--shard-strips makes one map at a time; {maps.Count} are asked for. Give --out the name of one, with one --adapter and one --output.");
            }

            var reports = await pipeline.RunAsync(scene.Dataset, maps, scene.Options, steps, token);
            return reports is [var only] ? only : reports;
        }, DrawAny, cancellation));
        return verb;
    }

    private static void DrawAny(IAnsiConsole console, object result)
    {
        if (result is ScenePlan plan)
        {
            ScenePlanTable.Draw(console, plan);
            return;
        }

        if (result is ScenePartReport part)
        {
            Draw(console, part);
            return;
        }

        foreach (var report in result as IReadOnlyList<SceneReport> ?? [(SceneReport)result])
        {
            Draw(console, report);
        }
    }

    private static void Draw(IAnsiConsole console, ScenePartReport part)
    {
        if (part.Report is { } report)
        {
            Draw(console, report);
            return;
        }

        console.WriteLine(FormattableString.Invariant($"part {part.Part} of {part.Parts}: rows {part.FirstRow} to {part.EndRow} are stored{(part.ResumedRows > 0 ? $", {part.ResumedRows} of them by an earlier run" : "")}, {part.Seconds:F1} s"));
        console.WriteLine(part.Missing.Count > 0 ? $"missing: {string.Join(", ", part.Missing.Select(number => FormattableString.Invariant($"--shard-strips {number}/{part.Parts}")))}" : "another process puts the parts together");
    }

    internal static void DrawChannels(IAnsiConsole console, IReadOnlyList<SceneChannel> channels)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("channel", "band", "matched by", "scale", "offset", "mean", "deviation");
        foreach (var channel in channels)
        {
            table.AddRow(Cell(channel.Channel), Cell(channel.Band), Cell(channel.MatchedBy), Number(channel.Scaling.Scale), Number(channel.Scaling.Offset), Number(channel.Scaling.Mean), Number(channel.Scaling.Deviation));
        }

        console.Write(table);
    }

    internal static Step Describe(SceneProgress progress) => progress.Note.Length > 0 ? new Step(progress.Stage, null, progress.Note) : new(progress.Stage, (double)progress.Tiles / progress.TileCount,
        string.Create(CultureInfo.InvariantCulture, $"{progress.Tiles} of {progress.TileCount} tiles, {progress.PixelsPerSecond / 1e6:F2} Mpx/s"));

    internal static void Draw(IAnsiConsole console, SceneReport report)
    {
        var channels = new Table().Border(TableBorder.Simple).AddColumns("channel", "band", "matched by", "scale", "offset", "mean", "deviation");
        foreach (var channel in report.Channels)
        {
            channels.AddRow(Cell(channel.Channel), Cell($"{channel.Band} {channel.Name}"), Cell(channel.MatchedBy), Number(channel.Scale), Number(channel.Offset), Number(channel.Mean), Number(channel.StandardDeviation));
        }

        console.Write(channels);
        var (plan, seconds) = (report.Plan, report.Seconds);
        var facts = new Grid().AddColumns(2);
        Fact("scene", $"{plan.Width:N0} x {plan.Height:N0} pixels, {report.Pixels.Predicted:N0} mapped, {report.Pixels.NoData:N0} nodata, {report.Pixels.Masked:N0} of them masked");
        if (report.Embedding is { } embedding)
        {
            Fact("embedding", $"{embedding.Channels:N0} bands of {embedding.Output} as {embedding.Storage.ToString().ToLowerInvariant()}, one pixel for {embedding.Cell} x {embedding.CellHeight ?? embedding.Cell}");
        }

        Fact("tiles", $"{plan.Tiles:N0} of {plan.TileSize} px, overlap {plan.OverlapSize} ({plan.Blend}), {plan.Skipped:N0} without data, {plan.Batch} a call");
        if (plan.ResumedRows > 0)
        {
            Fact("continued", $"at row {plan.ResumedRows:N0} of an earlier run");
        }

        Fact("speed", $"{report.Rate.PixelsPerSecond:N0} px/s, {report.Rate.TilesPerSecond:F1} tiles/s, model busy {report.Rate.ModelShare * 100:F0} % of the time");
        Fact("seconds", $"total {seconds.Total:F2}: read {seconds.Read:F2}, prepare {seconds.Prepare:F2}, model {seconds.Model:F2}, blend {seconds.Blend:F2}, write {seconds.Write:F2}, finish {seconds.Finish:F2}");
        Fact("memory", $"{report.Memory.PeakBytes / 1048576.0:F0} MiB at most, {report.Memory.BufferBytes / 1048576.0:F0} MiB of it buffers of the scene");
        console.Write(facts);
        if (report.Classes.Count > 0)
        {
            var classes = new Table().Border(TableBorder.Simple).AddColumns("class", "name", "pixels", "share", "km²", "confidence");
            foreach (var item in report.Classes)
            {
                classes.AddRow(Cell($"{item.Id}"), Cell(item.Name), Cell($"{item.Pixels:N0}"), Cell($"{100.0 * item.Pixels / Math.Max(1, report.Pixels.Predicted):F2} %"), Cell($"{item.SquareKilometres:F3}"), Cell($"{item.Confidence:F3}"));
            }

            console.Write(classes);
        }

        foreach (var value in report.Values)
        {
            console.WriteLine(FormattableString.Invariant($"{value.Name}: {value.Low:G6} to {value.High:G6}, mean {value.Mean:G6}{(value.Unit is { } unit ? " " + unit : "")}"));
        }

        foreach (var note in report.Notes)
        {
            console.WriteLine($"note: {note}");
        }

        foreach (var warning in report.Warnings)
        {
            console.WriteLine($"warning: {warning}");
        }

        console.WriteLine($"map: {report.Map}");
        console.WriteLine($"report: {ScenePipeline.ReportPath(report.Map)}");
        foreach (var file in report.Files)
        {
            console.WriteLine($"file: {file}");
        }

        void Fact(string name, FormattableString value) => facts.AddRow(new Text(name, new Style(decoration: Decoration.Bold)), Cell(value));
    }

    private static Text Cell(string text) => new(text);

    private static Text Cell(FormattableString text) => new(FormattableString.Invariant(text));

    private static Text Number(double value) => new(value.ToString("G5", CultureInfo.InvariantCulture));
}
