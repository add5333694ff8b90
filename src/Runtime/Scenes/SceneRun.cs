using System.Diagnostics;
using System.Threading.Channels;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// One run of a job: reader → cutter → model → blender → writer, with bounded channels between them. Buffers are allocated once
/// and go round; a stage that fails ends the others.
/// </summary>
internal sealed class SceneRun : IDisposable
{
    private const int Stages = 5, ScoreBuffers = 3, StripBuffers = 2;
    private readonly SceneJob _job;
    private readonly IStripSink _sink;
    private readonly IProgress<SceneProgress>? _progress;
    private readonly SlabRows _rows;
    private readonly Slab _slab;
    private readonly SlabReader _reader;
    private readonly TileCutter _cutter;
    private readonly MapEncoder _encoder;
    private readonly RowAssembler _assembler;
    private readonly ScoreActivation _activation;
    private readonly MapStatistics _statistics;
    private readonly AugmentedModel? _augmented;
    private readonly int _resumedRows;
    private readonly int _firstTileRow;
    private readonly Pool<ImageBatch> _images;
    private readonly Pool<ScoreBatch> _scores;
    private readonly Pool<byte[]> _strips;
    private readonly Dictionary<(int Images, int Scores, int Count), EoModelBinding> _bindings = [];
    private readonly StageClock _read = new(), _prepare = new(), _model = new(), _blend = new(), _write = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _tilesDone;
    private long _tilesRun;
    private long _skipped;

    public SceneRun(SceneJob job, IStripSink sink, IProgress<SceneProgress>? progress)
    {
        (_job, _sink, _progress, _resumedRows) = (job, sink, progress, sink.FirstMissingRow);
        var (model, plan) = (job.Model, job.Plan);
        _rows = new SlabRows(plan.Y, model.Tile, job.Bands.Max(band => band.Source.BlockSize.Height), job.Window.Y);
        _slab = new Slab(plan.Scene.Width, job.Bands.Count, SlabReader.TypeOf(job.Bands), _rows);
        _cutter = new TileCutter(_slab, plan, job.Scalings, model.Frames, model.Manifest.Fill ?? 0);
        _encoder = job.NewEncoder();
        _assembler = job.Blend == BlendMode.None
            ? new CropAssembler(plan, _encoder)
            : new BlendAssembler(plan, _encoder, model.Classes, job.Blend, margin: 0, _resumedRows);
        _activation = new ScoreActivation(job.Activation, model.Classes, model.Tile * model.Tile);
        _statistics = new MapStatistics(job.Profile, GroundArea.Of(job.Transform, job.Scene.Projection));
        _firstTileRow = _resumedRows < plan.Scene.Height ? _assembler.FirstTileRow(_resumedRows) : plan.Y.Count;
        var area = model.Tile * model.Tile;
        // One batch is being cut, one is in the model, the others wait.
        _images = new Pool<ImageBatch>(Enumerable.Range(0, job.Options.Prefetch + 2).Select(i => new ImageBatch(i, model.Batch, job.Bands.Count * area, model.Tile)));
        _scores = new Pool<ScoreBatch>(Enumerable.Range(0, ScoreBuffers).Select(i => new ScoreBatch(i, model.Batch, model.Classes * area, model.Tile)));
        _strips = new Pool<byte[]>(Enumerable.Range(0, StripBuffers).Select(_ => new byte[checked(_assembler.MostRows * _assembler.RowBytes)]));
        _augmented = job.Options.Augmentation == TestTimeAugmentation.None ? null : new AugmentedModel(model, job.Options.Augmentation, _activation, job.Options.Adapter);
        _reader = new SlabReader(job.Scene, job.Window, _slab, job.Bands, job.Options);
    }

    /// <summary>Makes all rows that are missing.</summary>
    public async Task StreamAsync(CancellationToken cancellation)
    {
        CountStoredRows(cancellation);
        if (_firstTileRow == _job.Plan.Y.Count)
        {
            return;
        }

        _tilesDone = (long)_firstTileRow * _job.Plan.X.Count;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var threads = new StageThreads(Stages);
        var tiles = Channel.CreateBounded<ImageBatch>(_job.Options.Prefetch);
        var scores = Channel.CreateBounded<ScoreBatch>(ScoreBuffers);
        var strips = Channel.CreateBounded<Strip>(StripBuffers);
        await Task.WhenAll(
            threads.Start(() => Stage<Strip>(null, ReadAllAsync)),
            threads.Start(() => Stage(tiles.Writer, token => CutAllAsync(tiles.Writer, token))),
            threads.Start(() => Stage(scores.Writer, token => ScoreAllAsync(tiles.Reader, scores.Writer, token))),
            threads.Start(() => Stage(strips.Writer, token => BlendAllAsync(scores.Reader, strips.Writer, token))),
            threads.Start(() => Stage<Strip>(null, token => WriteAllAsync(strips.Reader, token)))).ConfigureAwait(false);

        async Task Stage<T>(ChannelWriter<T>? output, Func<CancellationToken, Task> work)
        {
            try
            {
                await work(stop.Token).ConfigureAwait(true);
                output?.TryComplete();
            }
            catch (Exception failure)
            {
                output?.TryComplete(failure);
                await stop.CancelAsync().ConfigureAwait(true);
                throw;
            }
        }
    }

    /// <summary>What was done; the file is still to be made.</summary>
    public SceneReport Report()
    {
        var (scene, plan, model) = (_job.Scene, _job.Plan, _job.Model);
        var size = plan.Scene;
        var total = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        var samples = _cutter.Samples;
        var pixels = (long)size.Width * size.Height;
        if (_encoder.Undefined > 0)
        {
            _job.Warnings.Add($"The model said NaN for {_encoder.Undefined} valid pixels; they are nodata in the map.");
        }

        return new SceneReport
        {
            Map = _job.Path,
            Source = scene.Path.Split('?')[0],
            Model = model.Model.Path,
            Adapter = _job.Options.Adapter?.Path,
            Content = _job.Content,
            Plan = new PlanReport(size.Width, size.Height, plan.Options.Tile, plan.Options.Overlap, _job.Blend.ToString().ToLowerInvariant(), model.Batch, plan.Count, _skipped, _resumedRows),
            Channels = [.. _job.Bands.Select((band, i) => new ChannelReport(
                band.Channel, band.Source.Index, band.Source.Name, band.MatchedBy, _job.Scalings[i].Scale, _job.Scalings[i].Offset, samples[i].Mean, samples[i].StandardDeviation))],
            Pixels = new PixelReport(pixels, _statistics.Predicted, pixels - _statistics.Predicted, _reader.Hidden, SquareKilometres(_statistics.SquareMetres)),
            Seconds = new StageSeconds(_read.Seconds, _prepare.Seconds, _model.Seconds, _blend.Seconds, _write.Seconds, 0, total),
            Rate = new RateReport(_tilesRun / total, (double)size.Width * (size.Height - _resumedRows) / total, _model.Seconds / total),
            Memory = MemoryReport.Now(BufferBytes),
            Classes = _job.Content != MapContent.Class ? [] : [.. _job.Legend!.Classes.Select(item =>
                new ClassReport(item.Id, item.Name, _statistics.Of(item.Id).Pixels, SquareKilometres(_statistics.Of(item.Id).SquareMetres)))],
            Warnings = [.. _job.Warnings, .. UnusualChannels(samples)],
        };
    }

    public void Dispose()
    {
        foreach (var binding in _bindings.Values)
        {
            binding.Dispose();
        }

        _augmented?.Dispose();
        _reader.Dispose();
        _slab.Dispose();
    }

    private long BufferBytes => _slab.Bytes + _assembler.Bytes + (_augmented?.Bytes ?? 0)
        + _images.Items.Sum(batch => (long)batch.Images.Length * sizeof(float)) + _scores.Items.Sum(batch => (long)batch.Scores.Length * sizeof(float)) + _strips.Items.Sum(strip => strip.LongLength);

    private async Task ReadAllAsync(CancellationToken cancellation)
    {
        var (first, end) = (_rows.First(_firstTileRow), _rows.End(_job.Plan.Y.Count - 1));
        _slab.Begin(first);
        for (var chunk = (first + _rows.Phase) / _rows.Chunk * _rows.Chunk; chunk - _rows.Phase < end; chunk += _rows.Chunk)
        {
            var (row, below) = (Math.Max(0, chunk - _rows.Phase), Math.Min(_job.Plan.Scene.Height, chunk + _rows.Chunk - _rows.Phase));
            await _slab.WaitForRoomAsync(cancellation).ConfigureAwait(true);
            using (_read.Measure())
            {
                _reader.Read(row, below - row);
            }

            _slab.Publish();
        }
    }

    private async Task CutAllAsync(ChannelWriter<ImageBatch> tiles, CancellationToken cancellation)
    {
        var plan = _job.Plan;
        var batch = await _images.TakeAsync(cancellation).ConfigureAwait(true);
        batch.Tiles.Count = 0;
        for (var row = _firstTileRow; row < plan.Y.Count; row++)
        {
            _slab.Free(_rows.First(row));
            await _slab.WaitForRowsAsync(_rows.End(row), cancellation).ConfigureAwait(true);
            for (var column = 0; column < plan.X.Count; column++)
            {
                if (!Cut(batch, plan[row, column]))
                {
                    Interlocked.Increment(ref _skipped);
                }
                else if (batch.Tiles.Count == _job.Model.Batch)
                {
                    await tiles.WriteAsync(batch, cancellation).ConfigureAwait(true);
                    batch = await _images.TakeAsync(cancellation).ConfigureAwait(true);
                    batch.Tiles.Count = 0;
                }
            }
        }

        if (batch.Tiles.Count > 0)
        {
            await tiles.WriteAsync(batch, cancellation).ConfigureAwait(true);
        }
    }

    private bool Cut(ImageBatch batch, TileWindow tile)
    {
        using var measure = _prepare.Measure();
        var position = batch.Tiles.Count;
        if (!_cutter.Cut(tile.Read, batch.Image(position), batch.Tiles.Valid(position)))
        {
            return false;
        }

        batch.Tiles.Windows[position] = tile;
        batch.Tiles.Count++;
        return true;
    }

    private async Task ScoreAllAsync(ChannelReader<ImageBatch> tiles, ChannelWriter<ScoreBatch> scores, CancellationToken cancellation)
    {
        while (await tiles.WaitToReadAsync(cancellation).ConfigureAwait(true))
        {
            while (tiles.TryRead(out var images))
            {
                var target = await _scores.TakeAsync(cancellation).ConfigureAwait(true);
                using (_model.Measure())
                {
                    // A graph with a fixed batch computes the rest of the last one in vain.
                    var computed = _job.Model.BatchIsFixed ? _job.Model.Batch : images.Tiles.Count;
                    if (_augmented is not null)
                    {
                        _augmented.Run(images, target, images.Tiles.Count, computed, cancellation);
                    }
                    else
                    {
                        Binding(images, target, computed).Run(cancellation);
                    }
                }

                (target.Tiles, images.Tiles) = (images.Tiles, target.Tiles);
                _images.Return(images);
                await scores.WriteAsync(target, cancellation).ConfigureAwait(true);
            }
        }
    }

    private EoModelBinding Binding(ImageBatch images, ScoreBatch scores, int count)
    {
        if (!_bindings.TryGetValue((images.Index, scores.Index, count), out var binding))
        {
            binding = _job.Model.Bind(images, scores, count, _job.Options.Adapter);
            _bindings.Add((images.Index, scores.Index, count), binding);
        }

        return binding;
    }

    private async Task BlendAllAsync(ChannelReader<ScoreBatch> scores, ChannelWriter<Strip> strips, CancellationToken cancellation)
    {
        var row = _firstTileRow;
        var finished = _resumedRows;
        while (await scores.WaitToReadAsync(cancellation).ConfigureAwait(true))
        {
            while (scores.TryRead(out var batch))
            {
                for (var i = 0; i < batch.Tiles.Count; i++)
                {
                    for (; row < batch.Tiles.Windows[i].Row; row++)
                    {
                        finished = await FinishAsync(row, finished, strips, cancellation).ConfigureAwait(true);
                    }

                    Blend(batch, i);
                }

                _tilesRun += batch.Tiles.Count;
                _tilesDone += batch.Tiles.Count;
                _scores.Return(batch);
                _progress?.Report(Progress());
            }
        }

        for (; row < _job.Plan.Y.Count; row++)
        {
            finished = await FinishAsync(row, finished, strips, cancellation).ConfigureAwait(true);
        }
    }

    private void Blend(ScoreBatch batch, int position)
    {
        using var measure = _blend.Measure();
        if (_augmented is null)
        {
            _activation.Apply(batch.ScoresOf(position));
        }

        _assembler.Add(batch.Tiles.Windows[position], batch.ScoresOf(position), batch.Tiles.Valid(position));
    }

    private async Task<int> FinishAsync(int tileRow, int finished, ChannelWriter<Strip> strips, CancellationToken cancellation)
    {
        var end = _assembler.FinishedBy(tileRow);
        if (end <= finished)
        {
            return finished;
        }

        var strip = new Strip(await _strips.TakeAsync(cancellation).ConfigureAwait(true), finished, (end - finished) * _assembler.RowBytes);
        using (_blend.Measure())
        {
            _assembler.Finish(finished, strip.Buffer.AsSpan(0, strip.Length));
        }

        await strips.WriteAsync(strip, cancellation).ConfigureAwait(true);
        return end;
    }

    private async Task WriteAllAsync(ChannelReader<Strip> strips, CancellationToken cancellation)
    {
        while (await strips.WaitToReadAsync(cancellation).ConfigureAwait(true))
        {
            while (strips.TryRead(out var strip))
            {
                using (_write.Measure())
                {
                    var rows = strip.Buffer.AsSpan(0, strip.Length);
                    _statistics.Add(strip.First, rows);
                    _sink.Write(strip.First, rows);
                }

                _strips.Return(strip.Buffer);
            }
        }
    }

    private void CountStoredRows(CancellationToken cancellation)
    {
        var buffer = _strips.Items[0];
        for (var row = 0; row < _resumedRows;)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(buffer.Length / _assembler.RowBytes, _resumedRows - row);
            var rows = buffer.AsSpan(0, count * _assembler.RowBytes);
            _sink.Read(row, rows);
            _statistics.Add(row, rows);
            row += count;
        }
    }

    private SceneProgress Progress()
    {
        var plan = _job.Plan;
        var seconds = Math.Max(1e-3, Stopwatch.GetElapsedTime(_start).TotalSeconds);
        var stride = plan.Options.Tile - plan.Options.Overlap;
        return new SceneProgress("mapping", Math.Min(plan.Count, _tilesDone + Interlocked.Read(ref _skipped)), plan.Count, (double)_tilesRun * stride * stride / seconds);
    }

    private IEnumerable<string> UnusualChannels(IReadOnlyList<(double Mean, double StandardDeviation)> samples) => _job.Bands.Index()
        .Where(band => Math.Abs(samples[band.Index].Mean) > 3 && _job.Model.Manifest.Bands.Count > 0)
        .Select(band => FormattableString.Invariant(
            $"Channel {band.Item.Channel} has the mean {samples[band.Index].Mean:F1} after standardisation (expected about 0). Check the scale and offset of the values (--scale, --offset) and the order of the bands (--bands)."));

    private static double? SquareKilometres(double squareMetres) => double.IsNaN(squareMetres) ? null : squareMetres / 1e6;

    private readonly record struct Strip(byte[] Buffer, int First, int Length);
}
