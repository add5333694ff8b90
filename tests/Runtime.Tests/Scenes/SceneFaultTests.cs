using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

[Collection(OpenHandles.Name)]
public sealed class SceneFaultTests : IDisposable
{
    private const int Tile = 32, Size = 1024, Block = 256;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-fault-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Output => Path.Combine(_folder, "map.tif");

    [Fact]
    public async Task A_block_that_cannot_be_decoded_ends_the_run_with_its_place_or_becomes_nodata_and_is_counted()
    {
        var (path, pixels) = Tiled();
        DamageBlock(path, row: 1, column: 2);
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(path);
        var failure = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, Output));
        Assert.Contains($"{Block} x {Block} at ({2 * Block}, {Block})", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Output));

        var report = await new ScenePipeline(model).RunAsync(scene, Output, new SceneOptions { OnError = ErrorMode.NoData, MostDamage = 0.1, Readers = 3 });
        var map = TestScenes.Read<float>(Output);
        for (var i = 0; i < map.Length; i++)
        {
            var lost = i % Size / Block == 2 && i / Size / Block == 1;
            Assert.True(lost ? float.IsNaN(map[i]) : Math.Abs(map[i] - pixels[i]) < 1e-4, $"pixel {i} is {map[i]}");
        }

        Assert.Equal((Block * Block, Block * Block), (report.Pixels.Unreadable, report.Pixels.NoData));
        Assert.Contains(report.Warnings, warning => warning.Contains("could not be read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task More_damage_than_allowed_ends_the_run_with_both_shares()
    {
        var (path, _) = Tiled();
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(file.Length / 2);
        }

        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(path);
        var failure = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, Output, new SceneOptions { OnError = ErrorMode.NoData, MostDamage = 0.1 }));
        Assert.Contains("--max-bad", failure.Message, StringComparison.Ordinal);
        Assert.Contains("10", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Output));
        var left = SceneReport.Load(UnfinishedReport);
        Assert.Equal((1, failure.Message), (left.Exit, left.Error));
        Assert.InRange(left.Pixels.Unreadable, 1, Size * Size);
    }

    [Fact]
    public async Task A_run_that_fails_or_is_cancelled_leaves_its_report_in_the_work_area_and_the_map_that_is_there_keeps_its_own()
    {
        var (path, _) = Tiled();
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(path);
        var pipeline = new ScenePipeline(model);
        var made = await pipeline.RunAsync(scene, Output);
        Assert.Equal((0, null), (made.Exit, made.Error));

        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pipeline.RunAsync(scene, Output, new SceneOptions { Overwrite = true }, new Reaction(stop.Cancel), stop.Token));
        Assert.Equal((130, 0), (SceneReport.Load(UnfinishedReport).Exit, SceneReport.Load(ScenePipeline.ReportPath(Output)).Exit));

        DamageBlock(path, row: 1, column: 2);
        var failure = await Assert.ThrowsAsync<RasterException>(() => pipeline.RunAsync(scene, Output, new SceneOptions { Overwrite = true, Restart = true }));
        var left = SceneReport.Load(UnfinishedReport);
        Assert.Equal((1, failure.Message, Size * Size), (left.Exit, left.Error, left.Pixels.Total));
        Assert.Equal(made.Pixels, SceneReport.Load(ScenePipeline.ReportPath(Output)).Pixels);

        var mended = await pipeline.RunAsync(scene, Output, new SceneOptions { Overwrite = true, OnError = ErrorMode.NoData, MostDamage = 0.1, KeepWork = true });
        Assert.Equal((0, false), (mended.Exit, File.Exists(UnfinishedReport)));
        var (seconds, starved, blocked) = (mended.Seconds, mended.Seconds.Starved!, mended.Seconds.Blocked!);
        foreach (var stage in (double[])[seconds.Read + starved.Read + blocked.Read, seconds.Prepare + starved.Prepare + blocked.Prepare, seconds.Model + starved.Model + blocked.Model,
            seconds.Blend + starved.Blend + blocked.Blend, seconds.Write + starved.Write + blocked.Write])
        {
            Assert.InRange(stage, double.Epsilon, seconds.Total); // a stage is one of these at a time
        }
    }

    private string UnfinishedReport => Path.Combine(Output + ".eoonnx", "report.json");

    [Theory, InlineData(true, "has vanished"), InlineData(false, "has changed")]
    public async Task A_scene_that_vanishes_or_changes_while_it_is_read_gives_no_map(bool vanishes, string expected)
    {
        var (path, _) = Tiled();
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = RasterDataset.Open(path);
        var touched = false;
        var progress = new Reaction(() =>
        {
            if (!touched)
            {
                touched = true;
                if (vanishes)
                {
                    File.Delete(path);
                }
                else
                {
                    File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(1));
                }
            }
        });
        var failure = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(scene, Output, null, progress));
        Assert.Contains($"{path} {expected}", failure.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Output));
    }

    [Fact]
    public async Task A_scene_that_was_replaced_between_two_runs_is_not_continued()
    {
        var (path, _) = Tiled();
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using (var scene = RasterDataset.Open(path))
        {
            using var stop = new CancellationTokenSource();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).RunAsync(scene, Output, null, new Reaction(stop.Cancel), stop.Token));
        }

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(1));
        using var replaced = RasterDataset.Open(path);
        var failure = await Assert.ThrowsAsync<RasterException>(() => new ScenePipeline(model).RunAsync(replaced, Output));
        Assert.Contains("EOONNX_SOURCE_DIGEST", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--restart", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_without_memory_for_the_batch_gets_half_of_it_and_the_map_is_the_same()
    {
        // A tensor of 2^42 numbers for more than two tiles, of one number otherwise.
        using var model = EoModel.Load(TestModels.Save(_folder, "greedy", 1, Tile, (op, x) =>
        {
            var one = op.Initializer("one", TensorData.FromValues<long>([1], [1]));
            var (most, huge) = (op.Initializer("most", TensorData.FromValues<long>([1], [2])), op.Initializer("huge", TensorData.FromValues<long>([1], [1L << 42])));
            var count = op.Where(op.Greater(op.Gather(op.Shape(x), op.Initializer("axis", TensorData.FromValues<long>([1], [0]))), most), huge, one);
            return op.Add(x, op.ReduceMax(op.Node("ConstantOfShape", [count]), keepDims: true, 0));
        }, TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        var (path, pixels) = Tiled();
        using var scene = RasterDataset.Open(path);
        var report = await new ScenePipeline(model).RunAsync(scene, Output, new SceneOptions { Batch = 8, Blend = Raster.Tiling.BlendMode.None });
        Assert.Equal(pixels, TestScenes.Read<float>(Output));
        Assert.Equal(2, report.Plan.Batch);
        Assert.Contains(report.Warnings, warning => warning.Contains("no memory for 8 tiles", StringComparison.Ordinal));
    }

    private (string Path, float[] Pixels) Tiled()
    {
        var pixels = TestScenes.Pixels(Size, Size, 1, seed: 6, holes: 0);
        var (plain, tiled) = (TestScenes.Write(_folder, "plain", Size, Size, 1, pixels), Path.Combine(_folder, "tiled.tif"));
        using var process = System.Diagnostics.Process.Start("gdal_translate", ["-q", "-co", "TILED=YES", "-co", "COMPRESS=DEFLATE", plain, tiled]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return (tiled, pixels);
    }

    private static void DamageBlock(string path, int row, int column)
    {
        var entries = BlockOffsets(path);
        using var file = File.OpenWrite(path);
        file.Position = entries[(row * (Size / Block)) + column];
        file.Write([.. Enumerable.Repeat((byte)0xEE, 64)]);
    }

    // Tag 324 of the first directory of a little-endian classic TIFF: the offsets of its tiles.
    private static uint[] BlockOffsets(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var directory = BitConverter.ToInt32(bytes, 4);
        for (var entry = directory + 2; entry < directory + 2 + (12 * BitConverter.ToUInt16(bytes, directory)); entry += 12)
        {
            if (BitConverter.ToUInt16(bytes, entry) == 324)
            {
                var list = BitConverter.ToInt32(bytes, entry + 8);
                return [.. Enumerable.Range(0, BitConverter.ToInt32(bytes, entry + 4)).Select(i => BitConverter.ToUInt32(bytes, list + (4 * i)))];
            }
        }

        throw new InvalidDataException($"{path} has no tile offsets.");
    }

    private sealed class Reaction(Action act) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value)
        {
            if (value.Stage == "mapping")
            {
                act();
            }
        }
    }
}
