using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>One map by several processes.</summary>
[Collection(OpenHandles.Name)]
public sealed class ScenePartTests : IDisposable
{
    private const int Tile = 16, Width = 120, Height = 150;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-parts-").FullName;
    private readonly EoModel _model;
    private readonly RasterDataset _scene;

    public ScenePartTests()
    {
        _model = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        _scene = RasterDataset.Open(TestScenes.Write(_folder, "scene", Width, Height, 1, TestScenes.Pixels(Width, Height, 1, seed: 4, holes: 0.1)));
    }

    public void Dispose()
    {
        _scene.Dispose();
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(BlendMode.None, 2, null, null)]
    [InlineData(BlendMode.Cosine, 3, null, null)]
    [InlineData(BlendMode.Linear, 3, 2, null)]
    [InlineData(BlendMode.Cosine, 2, 3, 5)]
    [InlineData(BlendMode.Cosine, 40, null, null)] // more parts than rows of tiles: some have nothing to do
    public async Task Parts_in_any_order_make_the_map_of_a_single_run_to_the_byte(BlendMode blend, int count, int? panelTiles, int? median)
    {
        var options = Options(blend) with { Median = median };
        var expected = await Whole(options);
        foreach (var number in Enumerable.Range(1, count).OrderDescending())
        {
            // Each machine streams in panels of its own width.
            var report = await Part(number, count, options with { PanelTiles = number == 1 ? panelTiles : null });
            Assert.Equal(Enumerable.Range(1, number - 1), report.Missing);
            Assert.Equal(number == 1, report.Report is not null);
            Assert.Equal(number == 1, File.Exists(Map));
            Assert.Equal((0, true), (report.ResumedRows, report.EndRow >= report.FirstRow));
            if (report.Report is { } finished)
            {
                Assert.Equal(expected.Classes, finished.Classes);
                Assert.Equal((expected.Pixels.Predicted, expected.Pixels.NoData), (finished.Pixels.Predicted, finished.Pixels.NoData));
            }
        }

        AssertWhole();
    }

    [Fact]
    public async Task Rows_of_all_parts_are_those_of_the_map_without_gap_or_overlap()
    {
        var (options, end) = (Options(BlendMode.Cosine), 0);
        foreach (var number in Enumerable.Range(1, 4))
        {
            var report = await Part(number, 4, options);
            Assert.Equal(end, report.FirstRow);
            end = report.EndRow;
        }

        Assert.Equal(Height, end);
    }

    [Theory, InlineData(BlendMode.None), InlineData(BlendMode.Cosine)]
    public async Task Parts_at_the_same_time_leave_one_map_whoever_ends_last(BlendMode blend)
    {
        const int count = 3;
        var options = Options(blend);
        await Whole(options);
        for (var round = 0; round < 3; round++)
        {
            File.Delete(Map);
            var reports = await Task.WhenAll(Enumerable.Range(1, count).Select(number => Part(number, count, options)));
            // Whoever finds all complete while another puts them together leaves it to that one.
            Assert.Single(reports, report => report.Report is not null);
            AssertWhole();
        }
    }

    [Fact]
    public async Task A_part_that_was_left_at_any_moment_is_continued_and_the_rest_of_the_map_waits_for_it()
    {
        var options = Options(BlendMode.Cosine);
        await Whole(options);
        Assert.Equal([2], (await Part(1, 2, options)).Missing);
        var (random, last) = (new Random(3), (ScenePartReport?)null);
        for (var attempt = 0; last?.Report is null; attempt++)
        {
            using var stop = new CancellationTokenSource();
            try
            {
                last = await new ScenePipeline(_model).RunPartAsync(_scene, Map, Shard.Parse("2/2"), options, new StopAfter(attempt < 6 ? random.Next(2, 25) : int.MaxValue, stop), stop.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.False(File.Exists(Map));
                Assert.True(Directory.Exists(Map + ".eoonnx"));
            }
        }

        Assert.Empty(last.Missing);
        AssertWhole();
    }

    [Fact]
    public async Task Putting_together_that_was_left_is_done_by_whichever_part_is_given_next()
    {
        var options = Options(BlendMode.Cosine);
        await Whole(options);
        await Part(2, 2, options);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(_model).RunPartAsync(_scene, Map, Shard.Parse("1/2"), options, new StopAt("finishing", stop), stop.Token));
        Assert.False(File.Exists(Map));
        var report = await Part(2, 2, options);
        Assert.NotNull(report.Report);
        Assert.Equal(report.EndRow - report.FirstRow, report.ResumedRows);
        AssertWhole();

        // And once more: it is there.
        Assert.NotNull((await Part(1, 2, options)).Report);
    }

    [Fact]
    public async Task A_part_that_another_process_makes_is_refused_and_one_of_other_options_is_named()
    {
        var options = Options(BlendMode.Cosine);
        await Part(1, 2, options);
        using (new FileStream(Path.Combine(Map + ".eoonnx", "part-1-of-2", "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            await Assert.ThrowsAsync<MapInUseException>(() => Part(1, 2, options));
        }

        var parts = () => Directory.GetDirectories(Map + ".eoonnx").Select(Path.GetFileName);
        var other = await Assert.ThrowsAsync<RasterException>(() => Part(2, 2, options with { Overlap = 4 }));
        Assert.Contains("another EOONNX_OVERLAP: 8 there, 4 now", other.Message, StringComparison.Ordinal);
        var count = await Assert.ThrowsAsync<RasterException>(() => Part(2, 3, options));
        Assert.Contains("2 there, 3 now", count.Message, StringComparison.Ordinal);
        Assert.Equal(["part-1-of-2"], parts()); // refused before anything was made
        Assert.False(File.Exists(Map));
        await Assert.ThrowsAsync<ArgumentException>(() => Part(2, 2, options with { Overwrite = true }));
        await Assert.ThrowsAsync<ArgumentException>(() => new ScenePipeline(_model).RunPartAsync(_scene, Path.Combine(_folder, "map.gpkg"), Shard.Parse("1/2"), options));
    }

    [Fact]
    public async Task Parts_of_other_options_are_made_again_on_request_and_only_then()
    {
        var (options, before) = (Options(BlendMode.Cosine), Options(BlendMode.Cosine) with { Overlap = 4 });
        await Whole(options);
        await Part(2, 2, before);
        using var stop = new CancellationTokenSource();
        // Left while it was put together: what was made of the earlier parts is in the way, too.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(_model).RunPartAsync(_scene, Map, Shard.Parse("1/2"), before, new StopAt("finishing", stop), stop.Token));
        await Assert.ThrowsAsync<RasterException>(() => Part(1, 2, options));
        var mixed = await Assert.ThrowsAsync<RasterException>(() => Part(1, 2, options with { Restart = true }));
        Assert.Contains("part-2-of-2 holds an unfinished run with another EOONNX_OVERLAP: 4 there, 8 now", mixed.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Map));
        Assert.NotNull((await Part(2, 2, options with { Restart = true })).Report);
        AssertWhole();
    }

    [Fact]
    public async Task Damage_to_a_complete_part_is_found_before_there_is_a_map_and_that_part_is_made_again()
    {
        var options = Options(BlendMode.Cosine);
        await Whole(options);
        await Part(1, 2, options);
        var rows = Path.Combine(Map + ".eoonnx", "part-1-of-2", "rows.bil");
        var bytes = File.ReadAllBytes(rows);
        bytes[^1] ^= 1;
        File.WriteAllBytes(rows, bytes);
        var failure = await Assert.ThrowsAsync<RasterException>(() => Part(2, 2, options));
        Assert.Contains("--shard-strips 1/2", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Map));
        Assert.NotNull((await Part(1, 2, options)).Report);
        AssertWhole();
    }

    private static SceneOptions Options(BlendMode blend) => new() { Overlap = 8, Blend = blend, Batch = 3, Confidence = ConfidenceBand.Margin };

    private string Map => Path.Combine(_folder, "map.tif");

    private Task<SceneReport> Whole(SceneOptions options) => new ScenePipeline(_model).RunAsync(_scene, Path.Combine(_folder, "whole.tif"), options);

    private Task<ScenePartReport> Part(int number, int count, SceneOptions options) => new ScenePipeline(_model).RunPartAsync(_scene, Map, Shard.Parse($"{number}/{count}"), options);

    private void AssertWhole()
    {
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "whole.tif")), File.ReadAllBytes(Map));
        Assert.False(Directory.Exists(Map + ".eoonnx"));
    }

    private sealed class StopAfter(int reports, CancellationTokenSource stop) : IProgress<SceneProgress>
    {
        private int _seen;

        public void Report(SceneProgress value)
        {
            if (Interlocked.Increment(ref _seen) == reports)
            {
                stop.Cancel();
            }
        }
    }

    private sealed class StopAt(string stage, CancellationTokenSource stop) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value)
        {
            if (value.Stage == stage)
            {
                stop.Cancel();
            }
        }
    }
}
