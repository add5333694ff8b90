using System.Diagnostics;
using System.Text.Json;
using EoOnnx.EndToEnd;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Queue;

/// <summary>The real program on a real PostgreSQL: what happens to scenes whose workers are killed or told to end.</summary>
[Collection(nameof(PostgresServer))]
public sealed class WorkersTests : IClassFixture<PostgresServer>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3); // ends a test that hangs; a busy machine takes long
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-workers-").FullName;
    private readonly PostgresServer _server;

    public WorkersTests(PostgresServer server)
    {
        _server = server;
        Environment.SetEnvironmentVariable("PGPASSWORD", PostgresServer.Password);
        Environment.SetEnvironmentVariable(QueueAddress.Variable, server.Url);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Three_workers_of_which_one_is_killed_mid_scene_make_every_map_once_and_as_infer_makes_it()
    {
        _server.Require();
        WriteModel();
        var scenes = Enumerable.Range(0, 6).Select(i => WriteScene($"scene_{i}", 512, 1200 + (64 * i))).ToArray();
        using var first = Start();
        using var second = Start();
        using var third = Start();
        Worker[] workers = [first, second, third];
        var batch = Eoonnx.RunAsync(_folder, Batch("--wait", "--json"));
        var (killed, scene) = await Until(() => (from worker in workers from name in scenes where worker.IsMapping($"{name}.tif") && IsMidway(name) select (worker, name)).FirstOrDefault());
        await killed.KillAsync();
        Assert.False(File.Exists(Map(scene)), $"{scene} was finished before its worker was killed");
        Assert.True(Directory.Exists(Map(scene) + ".eoonnx"));

        using var summary = JsonDocument.Parse((await batch.WaitAsync(Patience)).Succeeded().Output);
        Assert.Equal(scenes.Length, summary.RootElement.GetProperty("scenes").EnumerateArray().Count(item => item.GetProperty("status").GetString() == "done"));
        var survivors = workers.Where(worker => worker != killed).ToArray();
        foreach (var worker in survivors)
        {
            Assert.Equal(0, await worker.TerminateAsync().WaitAsync(Patience));
        }

        // The scene of the dead worker was taken over; no scene was mapped by two.
        Assert.Contains(survivors, worker => worker.Lines.Any(line => line.StartsWith($"{scene}.tif ", StringComparison.Ordinal) && line.Contains("done", StringComparison.Ordinal)));
        Assert.All(scenes, name => Assert.Single(workers.SelectMany(worker => worker.Lines), line => line.StartsWith($"{name}.tif  done", StringComparison.Ordinal)));
        Assert.Equal(scenes.Select(name => $"{name}.tif"), Directory.GetFiles(In("maps"), "*.tif").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetDirectories(In("maps")));
        foreach (var name in scenes)
        {
            (await Eoonnx.RunAsync(_folder, "infer", In($"scenes/{name}.tif"), "--model", "model.onnx", "--out", "direct.tif", "--batch", "1", "--overwrite")).Succeeded();
            Assert.Equal(File.ReadAllBytes(In("direct.tif")), File.ReadAllBytes(Map(name)));
        }

        Assert.DoesNotContain(PostgresServer.Password, string.Join('\n', workers.SelectMany(worker => worker.Lines)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_told_to_end_gives_its_scene_back_and_the_next_one_continues_it_at_once()
    {
        _server.Require();
        WriteModel();
        WriteScene("slow", 512, 3000);
        var enqueued = (await Eoonnx.RunAsync(_folder, Batch())).Succeeded();
        Assert.Contains("1 scenes are on the queue 127.0.0.1", enqueued.Output, StringComparison.Ordinal);
        using var first = Start();
        await Until(() => IsMidway("slow") ? first : null);
        Assert.Equal(0, await first.TerminateAsync().WaitAsync(Patience));
        Assert.Contains(first.Lines, line => line.Contains("slow.tif  goes back to the queue", StringComparison.Ordinal));
        Assert.False(File.Exists(Map("slow")));
        using var second = Start();
        await Until(() => second.Lines.FirstOrDefault(line => line.StartsWith("slow.tif  done", StringComparison.Ordinal)));

        // The same batch again: its map is found, not made.
        using var again = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, Batch("--wait", "--json")).WaitAsync(Patience)).Succeeded().Output);
        Assert.Equal("skipped", again.RootElement.GetProperty("scenes")[0].GetProperty("status").GetString());
        Assert.Equal(0, await second.TerminateAsync().WaitAsync(Patience));
    }

    [Fact]
    public async Task A_scene_outside_the_allowed_folders_fails_at_once_and_the_exit_code_says_so()
    {
        _server.Require();
        WriteModel();
        WriteScene("outside", 64, 64);
        Directory.CreateDirectory(In("inside"));
        using var worker = new Worker(_folder, "--root", "inside");
        var run = await Eoonnx.RunAsync(_folder, Batch("--wait")).WaitAsync(Patience);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Allow it with --root", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Map("outside")));
        Assert.Equal(0, await worker.TerminateAsync().WaitAsync(Patience));
    }

    [Fact]
    public async Task A_scene_that_always_fails_ends_as_failed_after_its_attempts_with_the_reason_and_the_others_are_done()
    {
        _server.Require();
        WriteModel();
        WriteScene("good", 128, 128);
        File.WriteAllText(In("scenes/damaged.tif"), "this is no raster");
        using var worker = Start("--retry-after", "1,2");
        var run = await Eoonnx.RunAsync(_folder, Batch("--wait", "--json")).WaitAsync(Patience);
        Assert.Equal(1, run.ExitCode);
        using var summary = JsonDocument.Parse(run.Output);
        var scenes = summary.RootElement.GetProperty("scenes").EnumerateArray().ToDictionary(scene => scene.GetProperty("scene").GetString()!);
        Assert.Equal("done", scenes["good.tif"].GetProperty("status").GetString());
        Assert.Equal("failed", scenes["damaged.tif"].GetProperty("status").GetString());
        Assert.Contains("damaged.tif", scenes["damaged.tif"].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(3, worker.Lines.Count(line => line.StartsWith("damaged.tif  failed: ", StringComparison.Ordinal)));
        Assert.Equal(["good.tif"], Directory.GetFiles(In("maps"), "*.tif").Select(path => Path.GetFileName(path)));
        Assert.Equal(0, await worker.TerminateAsync().WaitAsync(Patience));
        Assert.Contains(worker.Lines, line => line.Contains("1 scenes mapped, 0 skipped, 3 attempts failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_scene_over_which_worker_after_worker_is_lost_is_given_up()
    {
        _server.Require();
        WriteModel();
        WriteScene("deadly", 512, 6000);
        var batch = Eoonnx.RunAsync(_folder, Batch("--wait", "--json"));
        for (var i = 0; i < 2; i++)
        {
            using var worker = Start("--give-up-after", "1");
            await Until(() => worker.IsMapping("deadly.tif") ? worker : null);
            await worker.KillAsync();
        }

        using var last = Start("--give-up-after", "1");
        var run = await batch.WaitAsync(Patience);
        Assert.Equal(1, run.ExitCode);
        using var summary = JsonDocument.Parse(run.Output);
        Assert.Contains("2 workers have ended", summary.RootElement.GetProperty("scenes")[0].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Map("deadly")));
        Assert.Equal(0, await last.TerminateAsync().WaitAsync(Patience));
    }

    [Fact]
    public async Task A_worker_that_stands_still_beyond_its_lease_and_goes_on_makes_no_second_map()
    {
        _server.Require();
        WriteModel();
        WriteScene("slow", 512, 4000);
        var batch = Eoonnx.RunAsync(_folder, Batch("--wait", "--json"));
        using var paused = Start();
        await Until(() => IsMidway("slow") ? paused : null);
        await paused.SignalAsync("STOP");
        Assert.False(File.Exists(Map("slow")), "the map was finished before its worker was stopped");
        using var second = Start();
        // The stopped worker holds the lock of the map: the second sees that it was given the scene, and does not write.
        await Until(() => second.Lines.FirstOrDefault(line => line.StartsWith("slow.tif  waits", StringComparison.Ordinal)));
        Assert.False(File.Exists(Map("slow")));
        await paused.SignalAsync("CONT");

        using var summary = JsonDocument.Parse((await batch.WaitAsync(Patience)).Succeeded().Output);
        Assert.Contains(summary.RootElement.GetProperty("scenes")[0].GetProperty("status").GetString(), (string[])["done", "skipped"]);
        Assert.Single(paused.Lines.Concat(second.Lines), line => line.StartsWith("slow.tif  done", StringComparison.Ordinal));
        Assert.Equal([Map("slow")], Directory.GetFiles(In("maps"), "*.tif"));
        Assert.Empty(Directory.GetDirectories(In("maps")));
        Assert.Equal(0, await paused.TerminateAsync().WaitAsync(Patience));
        Assert.Equal(0, await second.TerminateAsync().WaitAsync(Patience));
        (await Eoonnx.RunAsync(_folder, "infer", In("scenes/slow.tif"), "--model", "model.onnx", "--out", "direct.tif", "--batch", "1")).Succeeded();
        Assert.Equal(Tags(In("direct.tif")), Tags(Map("slow")));
        Assert.Equal(Read(In("direct.tif")), Read(Map("slow")));
        Assert.Equal(File.ReadAllBytes(In("direct.tif")), File.ReadAllBytes(Map("slow")));
    }

    [Fact]
    public async Task Products_items_and_scenes_of_several_files_travel_over_the_queue()
    {
        _server.Require();
        WriteDifference();
        SmallProducts.Landsat(In("products"));
        SmallProducts.ItemImages(Directory.CreateDirectory(In("images")).FullName);
        File.WriteAllText(In("images/items.json"), SmallProducts.ItemCollection(SmallProducts.Item("one")));
        File.WriteAllText(In("pair.csv"), "name,sources\npair,images/red.tif;images/nir08.tif\n");
        using var worker = Start("--jobs", "2");
        using var summary = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "batch", "products", "images/items.json", "--list", "pair.csv", "--model", "difference.onnx", "--out-dir", "maps", "--input-check", "off",
            "--queue", "env", "--wait", "--json").WaitAsync(Patience)).Succeeded().Output);
        Assert.All(summary.RootElement.GetProperty("scenes").EnumerateArray(), scene => Assert.Equal("done", scene.GetProperty("status").GetString()));
        Assert.Equal(3, Directory.GetFiles(In("maps"), "*.tif").Length);
        foreach (var map in Directory.GetFiles(In("maps"), "*.tif").Where(map => !map.EndsWith("pair.tif", StringComparison.Ordinal)))
        {
            Assert.All(Read(map), value => Assert.Equal(SmallProducts.Red - SmallProducts.NearInfrared, value, 3e-5));
        }

        Assert.Equal(0, await worker.TerminateAsync().WaitAsync(Patience));
    }

    private Worker Start(params string[] more) => new(_folder, ["--queue", _server.Url, "--root", _folder, "--lost-after", "5", "--threads", "1", .. more]);

    private static SortedDictionary<string, string> Tags(string map)
    {
        using var raster = RasterDataset.Open(map);
        return new SortedDictionary<string, string>(raster.Metadata.ToDictionary(), StringComparer.Ordinal);
    }

    private static float[] Read(string map)
    {
        using var raster = RasterDataset.Open(map);
        using var reader = raster.OpenReader();
        var values = new float[raster.Size.Width * raster.Size.Height];
        reader.Read<float>(new PixelWindow(0, 0, raster.Size.Width, raster.Size.Height), [1], values);
        return values;
    }

    // Red less near infrared, in reflectance.
    private void WriteDifference()
    {
        const int tile = 20;
        var builder = new GraphBuilder("difference");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 2, tile, tile));
        builder.Output(builder.Sub(builder.Slice(image, 1, 0, 1), builder.Slice(image, 1, 1, 2)), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "difference", Family = "test", Task = ModelTask.Regression, Tile = tile, ValueScale = 0.0001, Bands = [new ManifestBand("red", 0.1, 1), new ManifestBand("nir08", 0.1, 1)] }.ToJson();
        model.Save(In("difference.onnx"));
    }

    private string[] Batch(params string[] more) => ["batch", "scenes", "--model", "model.onnx", "--out-dir", "maps", "--batch", "1", "--queue", "env", .. more];

    private bool IsMidway(string scene) => new FileInfo(Map(scene) + ".eoonnx/journal.jsonl") is { Exists: true, Length: > 0 };

    private string Map(string scene) => In($"maps/{scene}.tif");

    private string In(string path) => Path.Combine(_folder, path);

    private static async Task<T> Until<T>(Func<T?> look)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Patience)
        {
            if (look() is { } found && !EqualityComparer<T>.Default.Equals(found, default))
            {
                return found;
            }

            await Task.Delay(5);
        }

        throw new TimeoutException("What was waited for did not happen in three minutes.");
    }

    private string WriteScene(string name, int width, int height)
    {
        var random = new Random(height);
        Directory.CreateDirectory(In("scenes"));
        GeoTiffWriter.Write<ushort>(In($"scenes/{name}.tif"), new RasterProfile
        {
            Size = new PixelSize(width, height), Type = RasterType.UInt16, NoData = 0, Projection = "EPSG:32633", BandNames = ["swir"], Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
        }, [.. Enumerable.Range(0, width * height).Select(_ => (ushort)random.Next(1000))]);
        return name;
    }

    private void WriteModel()
    {
        const int tile = 64;
        var builder = new GraphBuilder("threshold");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, tile, tile));
        builder.Output(builder.Concat(1, builder.Mul(image, 0), image), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "threshold", Family = "test", Task = ModelTask.Segmentation, Tile = tile, Bands = [new ManifestBand("swir", 500, 100)] }.ToJson();
        model.Save(In("model.onnx"));
    }
}
