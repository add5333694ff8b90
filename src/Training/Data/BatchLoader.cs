using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace EoOnnx.Training.Data;

/// <summary>Makes batches on worker threads, ahead of the trainer. The sequence of batches depends on seed and epoch only, not on the number of workers.</summary>
public sealed class BatchLoader
{
    private readonly SampleSet _samples;
    private readonly BatchLoaderOptions _options;
    private readonly bool _training;
    private readonly ConcurrentBag<Batch> _idle = [];

    internal BatchLoader(SampleSet samples, BatchLoaderOptions options, bool training) => (_samples, _options, _training) = (samples, options, training);

    /// <summary>Samples of one epoch.</summary>
    public int Samples => _samples.Count;

    /// <summary>Batches of one epoch.</summary>
    public int Batches => _training && _options.DropLast ? _samples.Count / _options.BatchSize : (_samples.Count + _options.BatchSize - 1) / _options.BatchSize;

    /// <summary>Samples of a full batch.</summary>
    public int BatchSize => _options.BatchSize;

    /// <summary>Time that readers of <see cref="ReadAsync"/> waited for batches.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>The batches of an epoch, in order. Dispose each batch when done with it; an epoch that is left early stops its workers.</summary>
    /// <param name="epoch">Which shuffling and augmentation to draw; counts from 0.</param>
    /// <param name="firstBatch">Batches to leave out at the beginning, for a run that goes on in the middle of an epoch.</param>
    /// <param name="cancellation">Stops the workers.</param>
    /// <exception cref="TrainingDataException">A chip cannot be used; the message names it.</exception>
    public async IAsyncEnumerable<Batch> ReadAsync(int epoch, int firstBatch = 0, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var order = Order(epoch);
        var batches = Channel.CreateBounded<Task<Batch>>(_options.Workers);
        var producer = ProduceAsync(batches.Writer, order, epoch, firstBatch, stop.Token);
        try
        {
            while (true)
            {
                var start = Stopwatch.GetTimestamp();
                if (!await batches.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false) || !batches.Reader.TryRead(out var next))
                {
                    break;
                }

                var batch = await next.ConfigureAwait(false);
                Waited += Stopwatch.GetElapsedTime(start);
                yield return batch;
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await producer.ConfigureAwait(false);
            while (batches.Reader.TryRead(out var unused))
            {
                await ((Task)unused).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ProduceAsync(ChannelWriter<Task<Batch>> writer, int[] order, int epoch, int firstBatch, CancellationToken cancellation)
    {
        try
        {
            for (var batch = firstBatch; batch < Batches; batch++)
            {
                // Room first: the tasks in the channel are all that are under way, so its capacity bounds workers and memory.
                if (!await writer.WaitToWriteAsync(cancellation).ConfigureAwait(false))
                {
                    break;
                }

                var samples = order[(batch * BatchSize)..Math.Min(order.Length, (batch + 1) * BatchSize)];
                writer.TryWrite(Task.Run(() => Fill(samples, epoch, cancellation), cancellation));
            }
        }
        catch (OperationCanceledException)
        {
            // The consumer left or was cancelled; it sees its own token.
        }
        finally
        {
            writer.Complete();
        }
    }

    private Batch Fill(int[] samples, int epoch, CancellationToken cancellation)
    {
        var batch = _idle.TryTake(out var idle) ? idle : new Batch(BatchSize, _samples, _idle.Add);
        batch.Samples = samples;
        batch.Chips = Array.ConvertAll(samples, _samples.ChipOf);
        batch.Names = Array.ConvertAll(samples, _samples.NameOf);
        for (var slot = 0; slot < samples.Length; slot++)
        {
            cancellation.ThrowIfCancellationRequested();
            _samples.Read(samples[slot], _training ? Draw(_options.Seed, epoch, samples[slot]) : null, batch, slot);
        }

        return batch;
    }

    /// <summary>Source of the augmentation of a training sample.</summary>
    internal static KeyedRandom Draw(long seed, int epoch, int sample) => new(seed, epoch, sample, 1);

    private int[] Order(int epoch)
    {
        var order = Enumerable.Range(0, _samples.Count).ToArray();
        if (_training)
        {
            Array.Sort(Array.ConvertAll(order, sample => new KeyedRandom(_options.Seed, epoch, sample, 0).NextBits()), order);
        }

        return order;
    }
}
