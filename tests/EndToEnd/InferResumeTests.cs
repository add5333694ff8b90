using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary>The real program, killed; and its memory, which only a process of its own can show.</summary>
public sealed class InferResumeTests : IDisposable
{
    private const int Bands = 6;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_program_killed_at_fifty_random_moments_never_leaves_a_map_and_continues_to_the_same_bytes()
    {
        const int killsALane = 25;
        string[][] lanes = [[], ["--median", "7"]]; // one lane for each core: a start keeps little more than one busy
        WriteModel(tile: 64);
        WriteNoise(500, 700);
        var clock = Stopwatch.StartNew();
        var tallies = await Task.WhenAll(lanes.Select((more, lane) => KillAsync(lane, killsALane, more)));
        TestContext.Current.TestOutputHelper!.WriteLine($"{tallies.Sum(tally => tally.Kills)} kills of {tallies.Sum(tally => tally.Starts)} starts over {tallies.Sum(tally => tally.Maps)} maps, {tallies.Sum(tally => tally.Continued)} of them after rows were stored, {clock.Elapsed.TotalSeconds:F0} s");
        Assert.Equal(lanes.Length * killsALane, tallies.Sum(tally => tally.Kills));
        Assert.True(tallies.Sum(tally => tally.Continued) > 0, "no kill came after rows were stored");
    }

    private async Task<(int Kills, int Continued, int Maps, int Starts)> KillAsync(int lane, int wanted, string[] more)
    {
        const int killed = 128 + 9;
        var random = new Random(lane);
        var pace = new RunPace();
        var reference = Path.Combine(_folder, $"whole{lane}.tif");
        using (var process = Eoonnx.Start(_folder, [.. Arguments("scene.tif", reference), .. more, "--keep-work"]))
        {
            await pace.WatchAsync(process, Journal(reference), int.MaxValue);
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await process.StandardError.ReadToEndAsync());
        }

        var (whole, strips) = (File.ReadAllBytes(reference), RunPace.Strips(Journal(reference)));
        var (kills, continued, maps, starts) = (0, 0, 0, 0);
        while (kills < wanted)
        {
            var output = Path.Combine(_folder, $"map{lane}-{maps++}.tif");
            while (!File.Exists(output) && kills < wanted)
            {
                // The moment is a place in the work of the program, within a step whose length was seen last: no load of the machine moves it out of the run.
                var stored = RunPace.Strips(Journal(output));
                var target = Math.Min(strips, stored + random.Next(1 + (strips / 3)));
                using var process = Eoonnx.Start(_folder, [.. Arguments("scene.tif", output), .. more]);
                starts++;
                await pace.WatchAsync(process, Journal(output), target);
                // Behind the last strip a third of the runs come to their end, so that the next map begins.
                await (target == strips && random.Next(3) == 0 ? process.WaitForExitAsync() : Task.Delay(random.NextDouble() * pace.After(target, stored, strips)));
                process.Kill();
                await process.WaitForExitAsync();
                kills += process.ExitCode == killed ? 1 : 0;
                Assert.True(process.ExitCode is killed or 0, $"exit code {process.ExitCode} after kill {kills}: {await process.StandardError.ReadToEndAsync()}");
                // A map under its final name is a whole one, whenever the kill came.
                Assert.True(!File.Exists(output) || File.ReadAllBytes(output).AsSpan().SequenceEqual(whole), $"{output} is not whole after kill {kills}");
                continued += RunPace.Strips(Journal(output)) > 0 ? 1 : 0;
            }

            if (!File.Exists(output))
            {
                (await Infer("scene.tif", output, more)).Succeeded();
            }

            Assert.Equal(whole, File.ReadAllBytes(output));
        }

        return (kills, continued, maps, starts);
    }

    private static string Journal(string map) => Path.Combine(map + ".eoonnx", "journal.jsonl");

    [Theory, InlineData(300, "cannot be stored"), InlineData(1450, "was not written completely")]
    public async Task A_full_disk_ends_the_run_with_one_line_and_the_same_command_continues_it(int kibibytes, string expected)
    {
        WriteModel(tile: 64);
        WriteNoise(800, 850);
        // No file may grow further, as on a full disk: the rows of the map (1,329 KiB) do not fit, or they do and its compressed form does not.
        var run = await Eoonnx.RunLimitedAsync(_folder, $"ulimit -f {kibibytes}", [.. Arguments("scene.tif", "map.tif"), "--out-type", "prob"]);
        Assert.True(run.ExitCode == 1, $"exit code {run.ExitCode}: {run.Error} {run.Output}");
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Equal(["map.tif.eoonnx", "model.onnx", "scene.tif"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using var report = JsonDocument.Parse((await Infer("scene.tif", "map.tif", "--out-type", "prob", "--json")).Succeeded().Output);
        Assert.True(report.RootElement.GetProperty("plan").GetProperty("resumedRows").GetInt32() > 0);
    }

    [Fact]
    public async Task An_interrupted_program_ends_at_once_with_130_and_leaves_what_is_done()
    {
        WriteModel(tile: 64);
        WriteNoise(3000, 3000);
        using var process = Eoonnx.Start(_folder, Arguments("scene.tif", "map.tif"));
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var journal = new FileInfo(Path.Combine(_folder, "map.tif.eoonnx", "journal.jsonl"));
        for (; !process.HasExited && !(journal.Exists && journal.Length > 0); journal.Refresh())
        {
            await Task.Delay(10);
        }

        // Processor time, which other work on the machine does not lengthen: two seconds are promised, of one processor.
        var before = ProcessorSeconds(process.Id) ?? throw new InvalidOperationException($"the program had ended before it was interrupted: {await error} {await output}");
        using var interrupt = Process.Start("kill", ["-INT", process.Id.ToString(CultureInfo.InvariantCulture)]);
        var (clock, spent) = (Stopwatch.StartNew(), before);
        for (; !process.HasExited; spent = ProcessorSeconds(process.Id) ?? spent)
        {
            await Task.Delay(5);
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"it ended after {clock.Elapsed.TotalSeconds:F2} s, {spent - before:F2} s of processor time");
        Assert.True(spent - before < 2, $"it went on for {spent - before:F1} s of processor time");
        Assert.True(process.ExitCode == 130, $"exit code {process.ExitCode}: {await error} {await output}");
        Assert.False(File.Exists(Path.Combine(_folder, "map.tif")));
        Assert.True(journal.Exists);
    }

    // utime and stime of a process, behind its name in brackets; null when it has ended.
    private static double? ProcessorSeconds(int process)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{process}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields[0] is "Z" or "X" ? null : (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;
        }
        catch (IOException)
        {
            return null;
        }
    }

    [Fact]
    public async Task Two_programs_make_strips_of_one_map_and_one_that_is_killed_is_taken_over_by_the_same_command()
    {
        WriteModel(tile: 64);
        WriteNoise(700, 4000);
        (await Infer("scene.tif", "whole.tif")).Succeeded();
        using var killed = Eoonnx.Start(_folder, [.. Arguments("scene.tif", "map.tif"), "--shard-strips", "2/2"]);
        var (output, error) = (killed.StandardOutput.ReadToEndAsync(), killed.StandardError.ReadToEndAsync());
        var first = Infer("scene.tif", "map.tif", "--shard-strips", "1/2", "--json");
        var journal = new FileInfo(Path.Combine(_folder, "map.tif.eoonnx", "part-2-of-2", "journal.jsonl"));
        for (; !killed.HasExited && !(journal.Exists && journal.Length > 0); journal.Refresh())
        {
            await Task.Delay(5);
        }

        killed.Kill();
        await killed.WaitForExitAsync();
        Assert.True(killed.ExitCode != 0, $"it had ended before it was killed: {await error} {await output}");
        using (var waiting = JsonDocument.Parse((await first).Succeeded().Output))
        {
            Assert.Equal([2], waiting.RootElement.GetProperty("missing").EnumerateArray().Select(part => part.GetInt32()));
        }

        Assert.False(File.Exists(Path.Combine(_folder, "map.tif")));
        using var last = JsonDocument.Parse((await Infer("scene.tif", "map.tif", "--shard-strips", "2/2", "--json")).Succeeded().Output);
        Assert.True(last.RootElement.GetProperty("resumedRows").GetInt32() > 0, "nothing of the killed program was continued");
        Assert.True(last.RootElement.GetProperty("report").GetProperty("pixels").GetProperty("total").GetInt64() == 700 * 4000);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "whole.tif")), File.ReadAllBytes(Path.Combine(_folder, "map.tif")));
        Assert.False(Directory.Exists(Path.Combine(_folder, "map.tif.eoonnx")));
    }

    [Fact]
    public async Task A_dry_run_prints_the_plan_of_the_memory_and_writes_nothing()
    {
        WriteModel(tile: 64);
        GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), Profile(300, 300), new ushort[300 * 300]);
        var run = (await Infer("scene.tif", "map.tif", "--dry-run", "--memory", "2GB", "--tta", "d4")).Succeeded();
        Assert.All(["rows of the scene", "of 2,048 MiB", "nothing was written"], text => Assert.Contains(text, run.Output, StringComparison.Ordinal));
        using var plan = JsonDocument.Parse((await Infer("scene.tif", "map.tif", "--dry-run", "--json", "--tta", "d4")).Succeeded().Output);
        Assert.Equal(8 * plan.RootElement.GetProperty("tiles").GetInt64(), plan.RootElement.GetProperty("tileRuns").GetInt64());
        using var diagnosis = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "doctor", "--plan", "scene.tif", "--model", "model.onnx", "--memory", "2GB", "--json")).Succeeded().Output);
        using var single = JsonDocument.Parse((await Infer("scene.tif", "map.tif", "--dry-run", "--json", "--memory", "2GB")).Succeeded().Output);
        Assert.All(["width", "height", "tile", "overlap", "tiles", "tileRuns", "diskBytes"], key => Assert.Equal(single.RootElement.GetProperty(key).GetInt64(), diagnosis.RootElement.GetProperty("plan").GetProperty(key).GetInt64()));
        Assert.Contains("rows of the scene", (await Eoonnx.RunAsync(_folder, "doctor", "--plan", "scene.tif", "--model", "model.onnx")).Succeeded().Output, StringComparison.Ordinal);
        var alone = await Eoonnx.RunAsync(_folder, "doctor", "--plan", "scene.tif");
        Assert.Equal(2, alone.ExitCode);
        Assert.Contains("--model", alone.Error, StringComparison.Ordinal);
        Assert.Equal(["model.onnx", "scene.tif"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Memory_does_not_grow_with_the_height_of_a_scene_as_wide_as_a_Sentinel_2_tile()
    {
        const int budget = 512;
        WriteModel(tile: 224, Bands);
        var (low, high) = (await Memory(height: 1_372), await Memory(height: 10_976));
        TestContext.Current.TestOutputHelper!.WriteLine($"{low.PeakMegabytes:F0} MiB for 10,980 x 1,372 pixels of {Bands} bands, {high.PeakMegabytes:F0} MiB for eight times the rows");
        Assert.Equal(low.Buffers, high.Buffers);
        Assert.InRange(high.PeakMegabytes / low.PeakMegabytes, 0.95, 1.05);
        Assert.True(high.PeakMegabytes < budget, $"{high.PeakMegabytes:F0} MiB; at most {budget} MiB are allowed");
    }

    private async Task<(double PeakMegabytes, long Buffers)> Memory(int height)
    {
        var scene = $"tall{height}.tif";
        using (var create = Process.Start(new ProcessStartInfo("gdal_create",
            ["-q", "-outsize", "10980", height.ToString(CultureInfo.InvariantCulture), "-bands", $"{Bands}", "-ot", "UInt16", "-a_srs", "EPSG:32633", "-a_ullr", "0", "100000", "109800", "0",
            "-co", "TILED=YES", "-co", "SPARSE_OK=TRUE", Path.Combine(_folder, scene)]))!)
        {
            await create.WaitForExitAsync();
            Assert.Equal(0, create.ExitCode);
        }

        var run = (await Infer(scene, $"map{height}.tif", "--input-check", "off", "--json")).Succeeded();
        using var report = JsonDocument.Parse(run.Output);
        var memory = report.RootElement.GetProperty("memory");
        return (memory.GetProperty("peakBytes").GetDouble() / (1 << 20), memory.GetProperty("bufferBytes").GetInt64());
    }

    private Task<Eoonnx> Infer(string scene, string map, params string[] more) => Eoonnx.RunAsync(_folder, [.. Arguments(scene, map), .. more]);

    private static string[] Arguments(string scene, string map) => ["infer", scene, "--model", "model.onnx", "--out", map];

    private void WriteNoise(int width, int height)
    {
        var random = new Random(7);
        GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), Profile(width, height), [.. Enumerable.Range(0, width * height).Select(_ => (ushort)random.Next(1, 1000))]);
    }

    private void WriteModel(int tile, int bands = 1)
    {
        var builder = new GraphBuilder("threshold");
        var input = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", bands, tile, tile));
        var image = bands == 1 ? input : builder.Slice(input, 1, 0, 1);
        builder.Output(builder.Concat(1, builder.Mul(image, 0), image), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "threshold", Family = "test", Task = ModelTask.Segmentation, Tile = tile, Bands = [new ManifestBand("swir", 500, 100), .. Enumerable.Range(2, bands - 1).Select(i => new ManifestBand($"band {i}"))] }.ToJson();
        model.Save(Path.Combine(_folder, "model.onnx"));
    }

    private static RasterProfile Profile(int width, int height) => new()
    {
        Size = new PixelSize(width, height), Type = RasterType.UInt16, NoData = 0, Projection = "EPSG:32633", BandNames = ["swir"], Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    };
}
