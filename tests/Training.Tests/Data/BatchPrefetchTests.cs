using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

/// <summary>Batches are read while the trainer works, told by what has been read when, not by a clock.</summary>
public class BatchPrefetchTests
{
    private const int Batches = 12;

    [Theory, InlineData(1), InlineData(2), InlineData(5)]
    public async Task While_a_slow_trainer_works_all_batches_of_the_prefetch_depth_become_ready_and_no_more(int workers)
    {
        var source = new GatedSource();
        source.OpenAll();
        var loader = Loader(source, workers);
        var taken = 0;
        await foreach (var batch in loader.ReadAsync(0, cancellation: TestContext.Current.CancellationToken))
        {
            using (batch)
            {
                taken++;
                await source.ReadAsync(Math.Min(Batches, taken + workers));
                Assert.InRange(source.Started, 0, taken + workers);
            }
        }

        Assert.Equal(Batches, taken);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(5)]
    public async Task A_trainer_that_takes_as_long_as_reading_overlaps_with_it(int workers)
    {
        // The next batch is read during each step and only then: a loader that read when asked would never end.
        var source = new GatedSource();
        var loader = Loader(source, workers);
        source.Open(0);
        var taken = 0;
        await foreach (var batch in loader.ReadAsync(0, cancellation: TestContext.Current.CancellationToken))
        {
            using (batch)
            {
                Assert.Equal([taken], batch.Chips);
                if (++taken < Batches)
                {
                    source.Open(taken);
                    await source.ReadAsync(taken + 1);
                }
            }
        }

        Assert.Equal(Batches, taken);
    }

    // Validation batches are in order: batch i is chip i.
    private static BatchLoader Loader(GatedSource source, int workers) =>
        new TrainingData(source, source, Chips.Options(2, 1), new BatchLoaderOptions { BatchSize = 1, Workers = workers }).Validation;

    /// <summary>Chips of one sample that can be read when their gates are open.</summary>
    private sealed class GatedSource : ChipSource
    {
        private readonly TaskCompletionSource[] _gates = [.. Sources(Batches)];
        private readonly TaskCompletionSource[] _read = [.. Sources(Batches + 1)];
        private int _started, _finished;

        public override IReadOnlyList<ChipInfo> Chips { get; } = [.. Enumerable.Range(0, Batches).Select(chip => new ChipInfo($"chip {chip}", new PixelSize(2, 2)))];

        public override int Bands => 1;

        /// <summary>Chips whose reading has begun.</summary>
        public int Started => Volatile.Read(ref _started);

        public void Open(int chip) => _gates[chip].SetResult();

        public void OpenAll() => Array.ForEach(_gates, gate => gate.SetResult());

        /// <summary>Ends when so many chips have been read.</summary>
        public Task ReadAsync(int chips) => _read[chips].Task.WaitAsync(TestContext.Current.CancellationToken);

        public override void Read(int chip, PixelWindow window, Span<float> image, Span<float> labels)
        {
            Interlocked.Increment(ref _started);
            _gates[chip].Task.Wait(TestContext.Current.CancellationToken);
            image.Clear();
            labels.Clear();
            _read[Interlocked.Increment(ref _finished)].SetResult();
        }

        public override void ReadLabels(int chip, PixelWindow window, Span<float> labels) => labels.Clear();

        private static IEnumerable<TaskCompletionSource> Sources(int count) => Enumerable.Range(0, count).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
