using System.Globalization;
using System.Text.Json;
using EoOnnx.Raster;
using EoOnnx.Tests;
using nietras.SeparatedValues;

namespace EoOnnx.Runtime.Tests.Scenes.Batch;

[Collection(OpenHandles.Name)]
public sealed class SceneBatchTests : IDisposable
{
    private const int Tile = 16, Width = 70, Height = 50;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-batch-").FullName;
    private readonly EoModel _model;

    public SceneBatchTests() => _model = EoModel.Load(TestScenes.Threshold(_folder, Tile), BatchOptions.ShareModel(new EoModelOptions(), jobs: 3));

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Good_scenes_are_mapped_as_infer_maps_them_and_a_corrupt_one_is_told_with_its_reason()
    {
        var scenes = Plan(5);
        File.WriteAllText(scenes[2].Path, "this is no raster");
        var steps = new List<BatchProgress>();
        var report = await Run(scenes, progress: new Recorder(steps));
        Assert.Equal([SceneStatus.Done, SceneStatus.Done, SceneStatus.Failed, SceneStatus.Done, SceneStatus.Done], report.Scenes.Select(scene => scene.Status));
        Assert.Contains(scenes[2].Path, report.Scenes[2].Error, StringComparison.Ordinal);
        Assert.Equal((5, 1, 1.0), (steps[^1].Ended, steps[^1].Failed, steps[^1].Fraction));
        Assert.Equal(scenes.Select(scene => scene.Name).Order(), steps.Where(step => step.Outcome is not null).Select(step => step.Outcome!.Scene).Order());
        foreach (var scene in scenes.Where(scene => scene != scenes[2]))
        {
            using var dataset = RasterDataset.Open(scene.Path);
            await new ScenePipeline(_model).RunAsync(dataset, Path.Combine(_folder, "alone.tif"), new SceneOptions { Overwrite = true });
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "alone.tif")), File.ReadAllBytes(scene.Map));
        }
    }

    [Fact]
    public async Task A_second_run_keeps_what_is_finished_and_maps_what_has_changed_only_when_it_is_told_to()
    {
        var scenes = Plan(3);
        var first = await Run(scenes);
        var stamps = scenes.Select(scene => File.GetLastWriteTimeUtc(scene.Map)).ToArray();
        TestScenes.Write(_folder, "s1", Width + 5, Height, 1, TestScenes.Pixels(Width + 5, Height, 1, 99, 0));
        var second = await Run(scenes);
        Assert.Equal([SceneStatus.Skipped, SceneStatus.Failed, SceneStatus.Skipped], second.Scenes.Select(scene => scene.Status));
        Assert.Contains("--overwrite", second.Scenes[1].Error, StringComparison.Ordinal);
        Assert.Equal(stamps, scenes.Select(scene => File.GetLastWriteTimeUtc(scene.Map)));
        Assert.Equal(first.Scenes[0].Classes, second.Scenes[0].Classes);
        Assert.Equal(first.Scenes[0].Pixels, second.Scenes[0].Pixels);
        var third = await Run(scenes, new BatchOptions { Scene = new SceneOptions { Overwrite = true } });
        Assert.All(third.Scenes, scene => Assert.Equal(SceneStatus.Done, scene.Status));
    }

    [Fact]
    public async Task With_other_options_a_finished_map_is_not_taken_for_this_job()
    {
        var scenes = Plan(1);
        await Run(scenes);
        Assert.Equal(SceneStatus.Failed, (await Run(scenes, new BatchOptions { Scene = new SceneOptions { Overlap = 2 } })).Scenes[0].Status);
        Assert.Equal(SceneStatus.Skipped, (await Run(scenes)).Scenes[0].Status);
    }

    [Fact]
    public async Task Fail_fast_ends_at_the_first_failure_and_tells_what_was_left()
    {
        var scenes = Plan(4);
        File.WriteAllText(scenes[1].Path, "this is no raster");
        var report = await Run(scenes, new BatchOptions { FailFast = true });
        Assert.Equal([SceneStatus.Done, SceneStatus.Failed, SceneStatus.Cancelled, SceneStatus.Cancelled], report.Scenes.Select(scene => scene.Status));
    }

    [Fact]
    public async Task A_cancelled_batch_is_continued_to_the_same_bytes()
    {
        var scenes = Plan(3);
        using var stop = new CancellationTokenSource();
        var report = await new SceneBatch(_model).RunAsync(scenes, new BatchOptions(), new Canceller(stop), stop.Token);
        Assert.Equal(SceneStatus.Done, report.Scenes[0].Status);
        Assert.Equal([SceneStatus.Cancelled, SceneStatus.Cancelled], report.Scenes.Skip(1).Select(scene => scene.Status));
        Assert.False(File.Exists(scenes[1].Map));
        var continued = await Run(scenes, new BatchOptions { Jobs = 3 });
        Assert.Equal([SceneStatus.Skipped, SceneStatus.Done, SceneStatus.Done], continued.Scenes.Select(scene => scene.Status));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_folder, "maps")));
    }

    [Fact]
    public async Task The_summary_tells_pixels_areas_and_errors()
    {
        var scenes = Plan(2);
        File.WriteAllText(scenes[0].Path, "no, \"raster\"");
        var report = await Run(scenes);
        report.Save(_folder);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "summary.json")));
        Assert.Equal(["failed", "done"], json.RootElement.GetProperty("scenes").EnumerateArray().Select(scene => scene.GetProperty("status").GetString()));
        using var csv = Sep.Reader(options => options with { Unescape = true }).FromFile(Path.Combine(_folder, "summary.csv"));
        Assert.Equal(["scene", "status", "px", "seconds", "km2", "km2 low", "km2 high", "error", "map"], csv.Header.ColNames);
        Assert.True(csv.MoveNext());
        Assert.Equal(("failed", "", report.Scenes[0].Error), (csv.Current["status"].ToString(), csv.Current["px"].ToString(), csv.Current["error"].ToString()));
        Assert.True(csv.MoveNext());
        Assert.Equal(Width * Height, csv.Current["px"].Parse<int>());
        Assert.Equal(double.Parse(csv.Current["km2"].ToString(), CultureInfo.InvariantCulture), csv.Current["km2 low"].Parse<double>() + csv.Current["km2 high"].Parse<double>(), 1e-9);
        Assert.Equal(scenes[1].Map, csv.Current["map"].ToString());
    }

    private Task<BatchReport> Run(IReadOnlyList<BatchScene> scenes, BatchOptions? options = null, IProgress<BatchProgress>? progress = null) =>
        new SceneBatch(_model).RunAsync(scenes, options ?? new BatchOptions { Jobs = progress is null ? 1 : 3 }, progress);

    private IReadOnlyList<BatchScene> Plan(int count) => new MapNaming { Folder = Path.Combine(_folder, "maps") }.Apply(
        [.. Enumerable.Range(0, count).Select(i => new SceneEntry($"s{i}.tif", TestScenes.Write(_folder, $"s{i}", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, i, 0.1))))]);

    private sealed class Recorder(List<BatchProgress> steps) : IProgress<BatchProgress>
    {
        public void Report(BatchProgress value) => steps.Add(value);
    }

    private sealed class Canceller(CancellationTokenSource stop) : IProgress<BatchProgress>
    {
        public void Report(BatchProgress value)
        {
            if (value is { Ended: 1, Outcome: null })
            {
                stop.Cancel();
            }
        }
    }
}
