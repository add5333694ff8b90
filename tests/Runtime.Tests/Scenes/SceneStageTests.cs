using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Tests;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Looks at the threads of the process and changes its pool, so nothing else may run beside it.</summary>
[Collection(OpenHandles.Name)]
public sealed class SceneStageTests : IDisposable
{
    private const int Tile = 16, Width = 96, Height = 480;
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(2);
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-stage-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_model_that_fails_in_the_middle_of_a_scene_ends_all_stages_with_what_ONNX_Runtime_says()
    {
        // Takes an element of an array of one: the second where a pixel is 1.
        using var model = EoModel.Load(TestModels.Save(_folder, "picky", 1, Tile, (op, x) =>
            op.Add(x, op.Cast(op.Gather(op.Initializer("one", TensorData.FromValues<float>([1], [0f])), op.Cast(op.ReduceMax(x, keepDims: true, 1, 2, 3), ElementType.Int64)), ElementType.Float)),
            TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        using var scene = Scene(pixel => pixel == Width * (Height / 2) ? 1 : 0);
        var failure = await Assert.ThrowsAsync<ModelException>(() => new ScenePipeline(model).MapAsync(scene).WaitAsync(Hang));
        Assert.Contains("ONNX Runtime says", failure.Message, StringComparison.Ordinal);
        await NoThreadIsLeft();
    }

    [Theory, InlineData("planned"), InlineData("mapping")]
    public async Task What_a_listener_throws_ends_the_run_as_it_was_thrown(string stage)
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = Scene(_ => 0);
        var pipeline = new ScenePipeline(model);
        foreach (var thrown in (Exception[])[new InvalidOperationException("the window is closed"), new OperationCanceledException("the user has left")])
        {
            var failure = await Assert.ThrowsAsync(thrown.GetType(), () => pipeline.MapAsync(scene, null, new Listener(stage, () => throw thrown)).WaitAsync(Hang));
            Assert.Same(thrown, failure);
            Assert.Contains(nameof(Listener), failure.StackTrace, StringComparison.Ordinal);
            await NoThreadIsLeft();
        }
    }

    [Theory, InlineData("planned"), InlineData("mapping")]
    public async Task A_listener_that_cancels_ends_the_run_as_cancelled_by_its_own_token(string stage)
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = Scene(_ => 0);
        using var stop = new CancellationTokenSource();
        var calls = 0;
        var failure = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ScenePipeline(model).MapAsync(scene, new SceneOptions { Batch = 1 }, new Listener(stage, () =>
        {
            calls++;
            stop.Cancel();
        }), stop.Token).WaitAsync(Hang));
        Assert.Equal(stop.Token, failure.CancellationToken);
        Assert.Equal(1, calls); // the blender takes no batch after the one that it was told about
        await NoThreadIsLeft();
    }

    [Theory, InlineData(0), InlineData(Height / 2)]
    public async Task A_map_that_cannot_be_stored_ends_all_stages_with_the_reason(int firstRow)
    {
        using var model = TestScenes.Identity(_folder, 1, Tile);
        using var scene = Scene(_ => 0);
        var job = SceneJob.Create(model, scene, "", new SceneOptions { InputCheck = InputCheck.Off }, CancellationToken.None);
        using var sink = new FullDisk(new MemorySink(job.Profile, job.WorkProfile.Size), firstRow);
        using var target = new MapTarget(job, sink);
        await using var check = new PendingInputCheck(job, CancellationToken.None);
        using var run = new SceneRun([target], Panel.Cut(job, job.Plan.X.Count), new SourceDamage(job), check, progress: null);
        var failure = await Assert.ThrowsAsync<IOException>(() => run.StreamAsync(CancellationToken.None).WaitAsync(Hang));
        Assert.Equal(FullDisk.Reason, failure.Message);
        Assert.Contains(nameof(FullDisk), failure.StackTrace, StringComparison.Ordinal);
        await NoThreadIsLeft();
    }

    [Fact]
    public async Task Several_scenes_at_once_on_one_model_with_adapters_and_without_are_as_alone_while_the_pool_has_few_threads()
    {
        const int scenes = 8;
        using var model = EoModel.Load(TestModels.Save(_folder, "shift", 1, Tile, (op, x) => op.Add(x, op.OverridableInput("head.bias", TensorData.FromValues<float>([1], [0f]))), TestModels.Manifest(ModelTask.Regression, 1, Tile)));
        var adapters = new[] { null, Adapter(model, 1000), Adapter(model, 2000) };
        ThreadPool.GetMaxThreads(out var workers, out var ports);
        ThreadPool.GetMinThreads(out var fewest, out _);
        Assert.True(ThreadPool.SetMaxThreads(fewest, ports));
        try
        {
            // One pipeline for half of them, one each for the others.
            var shared = new ScenePipeline(model);
            var maps = await Task.WhenAll(Enumerable.Range(0, scenes).Select(async i =>
            {
                using var scene = Scene(pixel => pixel + i, i);
                return await (i % 2 == 0 ? shared : new ScenePipeline(model)).MapAsync(scene, new SceneOptions { Adapter = adapters[i % adapters.Length], Batch = 1 + (i % 3) });
            })).WaitAsync(Hang);
            for (var i = 0; i < scenes; i++)
            {
                var (number, shift) = (i, 1000 * (i % adapters.Length));
                Assert.Equal(Enumerable.Range(0, Width * Height).Select(pixel => (float)(pixel + number + shift)), maps[i].Pixels<float>().ToArray(), (expected, found) => Math.Abs(expected - found) < 0.05f);
            }
        }
        finally
        {
            ThreadPool.SetMaxThreads(workers, ports);
            Array.ForEach(adapters, adapter => adapter?.Dispose());
        }

        await NoThreadIsLeft();
    }

    private EoAdapter Adapter(EoModel model, float bias)
    {
        var file = Path.Combine(_folder, $"{bias}.safetensors");
        SafetensorsFile.Write(file, [KeyValuePair.Create("head.bias", TensorData.FromValues<float>([1], [bias]))], new Dictionary<string, string>());
        return model.LoadAdapter(file);
    }

    private RasterDataset Scene(Func<int, float> pixel, int number = 0) =>
        RasterDataset.Open(TestScenes.Write(_folder, $"scene{number}", Width, Height, 1, [.. Enumerable.Range(0, Width * Height).Select(pixel)]));

    // Threads of stages and of readers have names. They end when their stage has, which the run need not wait for.
    private static async Task NoThreadIsLeft()
    {
        for (var wait = 0; wait < 600 && StageThreadNames().Count > 0; wait++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Empty(StageThreadNames());
    }

    private static List<string> StageThreadNames()
    {
        var names = new List<string>();
        foreach (var thread in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                names.Add(File.ReadAllText(Path.Combine(thread, "comm")).Trim());
            }
            catch (IOException)
            {
                continue; // it has just ended
            }
        }

        return [.. names.Where(name => name.StartsWith("scene ", StringComparison.Ordinal) || name.StartsWith("reader ", StringComparison.Ordinal))];
    }

    private sealed class Listener(string stage, Action act) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value)
        {
            if (value.Stage == stage)
            {
                act();
            }
        }
    }

    /// <summary>Stores rows until there is no room any more.</summary>
    private sealed class FullDisk(MemorySink sink, int firstRow) : IStripSink
    {
        public const string Reason = "No space left on device";

        public int FirstMissingRow => sink.FirstMissingRow;

        public int FirstMissingColumn => sink.FirstMissingColumn;

        public int? PanelWidth => sink.PanelWidth;

        public void Write(int row, ReadOnlySpan<byte> rows) => sink.Write(row, rows);

        public void Write(int row, int column, int columns, ReadOnlySpan<byte> rows)
        {
            if (row >= firstRow)
            {
                throw new IOException(Reason);
            }

            sink.Write(row, column, columns, rows);
        }

        public void Read(int row, Span<byte> rows) => sink.Read(row, rows);

        public void Read(int row, int column, int columns, Span<byte> rows) => sink.Read(row, column, columns, rows);

        public void Replace(Action<RowWriter> rewrite) => sink.Replace(rewrite);

        public void Complete(CancellationToken cancellation = default) => sink.Complete(cancellation);

        public void Dispose() => sink.Dispose();
    }
}
