using System.Diagnostics;
using System.Text.Json;
using EoOnnx.EndToEnd;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.Queue;

/// <summary>The real program on a real PostgreSQL: what happens to scenes whose workers are killed or told to end.</summary>
public sealed class WorkersTests : IClassFixture<PostgresServer>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
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

    private Worker Start() => new(_folder, "--queue", _server.Url, "--root", _folder, "--lost-after", "5", "--threads", "1");

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

        throw new TimeoutException("What was waited for did not happen in a minute.");
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
