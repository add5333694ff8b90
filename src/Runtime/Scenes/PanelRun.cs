using System.Threading.Channels;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// One panel of a run: reader → cutter → model → blender → writer, with bounded channels between them. Buffers are allocated once
/// and go round; a stage that fails ends the others.
/// </summary>
internal sealed class PanelRun : IDisposable
{
    public const int Stages = 5, StripBuffers = 2;
    private readonly SceneRun _run;
    private readonly SceneJob _job;
    private readonly Panel _panel;
    private readonly SlabRows _rows;
    private readonly Slab _slab;
    private readonly SlabReader _reader;
    private readonly TileCutter _cutter;
    private readonly List<Map> _maps;
    private readonly Dictionary<MapTarget, Map> _mapOf;
    private readonly int _firstTileRow;

    public PanelRun(SceneRun run, Panel panel)
    {
        (_run, _job, _panel) = (run, run.Job, panel);
        var plan = _job.Plan;
        _maps = [.. run.Targets.Where(target => target.FirstMissingRow(panel) < _job.MapPlan.Map.Height).Select(target => new Map(target, panel))];
        _mapOf = _maps.ToDictionary(map => map.Target);
        _firstTileRow = _maps.Min(map => map.FirstTileRow);
        _rows = run.Rows;
        _slab = new Slab(panel.ReadWidth, _job.Bands.Count, SlabReader.TypeOf(_job.Bands), _rows);
        _cutter = new TileCutter(_slab, plan, panel, _job.Scalings, _job.Model.Frames, _job.Model.Manifest.Fill ?? 0, run.Samples, _job.Answered);
        _reader = new SlabReader(_job, panel, _slab, run.Damage);
    }

    /// <summary>Bytes of the panel's buffers.</summary>
    public long Bytes => _slab.Bytes + _maps.Sum(map => map.Bytes);

    /// <summary>Pixels that masks have hidden.</summary>
    public long Hidden => _reader.Hidden;

    /// <summary>Makes all rows that are missing.</summary>
    public async Task StreamAsync(StageThreads threads, CancellationToken cancellation)
    {
        _run.Skip((long)_firstTileRow * (_panel.EndTile - _panel.FirstTile));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var tiles = Channel.CreateBounded<ImageBatch>(_job.Options.Prefetch);
        var scores = Channel.CreateBounded<ScoreBatch>(_maps.Sum(map => map.Target.Scores.Items.Count));
        var strips = Channel.CreateBounded<Strip>(StripBuffers * _maps.Count);
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

    public void Dispose()
    {
        _reader.Dispose();
        _slab.Dispose();
        _maps.Clear();
        _mapOf.Clear();
    }

    private async Task ReadAllAsync(CancellationToken cancellation)
    {
        var (first, end) = (_rows.First(_firstTileRow), _rows.End(_job.Plan.Y.Count - 1));
        _slab.Begin(first);
        for (var chunk = (first + _rows.Phase) / _rows.Chunk * _rows.Chunk; chunk - _rows.Phase < end; chunk += _rows.Chunk)
        {
            var (row, below) = (Math.Max(0, chunk - _rows.Phase), Math.Min(_job.Plan.Scene.Height, chunk + _rows.Chunk - _rows.Phase));
            await _slab.WaitForRoomAsync(cancellation).ConfigureAwait(true);
            using (_run.Clocks.Read.Measure())
            {
                _reader.Read(row, below - row, cancellation);
            }

            _slab.Publish();
        }
    }

    private async Task CutAllAsync(ChannelWriter<ImageBatch> tiles, CancellationToken cancellation)
    {
        var plan = _job.Plan;
        var batch = await _run.Images.TakeAsync(cancellation).ConfigureAwait(true);
        batch.Tiles.Count = 0;
        for (var row = _firstTileRow; row < plan.Y.Count; row++)
        {
            _slab.Free(_rows.First(row));
            await _slab.WaitForRowsAsync(_rows.End(row), cancellation).ConfigureAwait(true);
            for (var column = _panel.FirstTile; column < _panel.EndTile; column++)
            {
                if (!Cut(batch, plan[row, column]))
                {
                    _run.Skip(1);
                    // Tiles at the sides of a panel are cut by two.
                    _run.Empty += _job.MapPlan.X.OwnedStart(column) is var owned && owned >= _panel.X && owned < _panel.X + _panel.Width ? 1 : 0;
                }
                else if (batch.Tiles.Count == _job.Model.Batch)
                {
                    await tiles.WriteAsync(batch, cancellation).ConfigureAwait(true);
                    batch = await _run.Images.TakeAsync(cancellation).ConfigureAwait(true);
                    batch.Tiles.Count = 0;
                }
            }
        }

        if (batch.Tiles.Count > 0)
        {
            await tiles.WriteAsync(batch, cancellation).ConfigureAwait(true);
        }
        else
        {
            _run.Images.Return(batch);
        }
    }

    private bool Cut(ImageBatch batch, TileWindow tile)
    {
        using var measure = _run.Clocks.Prepare.Measure();
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
                var lastRow = images.Tiles.Windows[images.Tiles.Count - 1].Row;
                var encoded = _run.Shared is { } shared && Encode(shared, images, lastRow, cancellation) ? shared : null;
                foreach (var map in _maps)
                {
                    if (lastRow < map.FirstTileRow)
                    {
                        continue; // an earlier run brought this map further than the others
                    }

                    var target = await map.Target.Scores.TakeAsync(cancellation).ConfigureAwait(true);
                    using (_run.Clocks.Model.Measure())
                    {
                        if (encoded?.TryScore(map.Target, images, target, map.Target.Computed(images), cancellation) != true)
                        {
                            map.Target.Score(images, target, cancellation);
                        }
                    }

                    target.Tiles.CopyFrom(images.Tiles, _job.MapPlan);
                    await scores.WriteAsync(target, cancellation).ConfigureAwait(true);
                }

                _run.Done(images.Tiles.Count);
                _run.Images.Return(images);
            }
        }
    }

    // Worth it when two maps take the batch.
    private bool Encode(SharedScores shared, ImageBatch images, int lastRow, CancellationToken cancellation)
    {
        if (_maps.Count(map => lastRow >= map.FirstTileRow) < 2)
        {
            return false;
        }

        using var measure = _run.Clocks.Model.Measure();
        return shared.TryEncode(images, _maps[0].Target.Computed(images), _job.Model, cancellation);
    }

    private async Task BlendAllAsync(ChannelReader<ScoreBatch> scores, ChannelWriter<Strip> strips, CancellationToken cancellation)
    {
        while (await scores.WaitToReadAsync(cancellation).ConfigureAwait(true))
        {
            while (scores.TryRead(out var batch))
            {
                var map = _mapOf[batch.Target!];
                for (var i = 0; i < batch.Tiles.Count; i++)
                {
                    for (; map.Row < batch.Tiles.Windows[i].Row; map.Row++)
                    {
                        await FinishAsync(map, strips, cancellation).ConfigureAwait(true);
                    }

                    if (batch.Tiles.Windows[i].Row >= map.FirstTileRow)
                    {
                        Blend(map, batch, i);
                    }
                }

                batch.Target!.Scores.Return(batch);
                _run.Report();
            }
        }

        foreach (var map in _maps)
        {
            for (; map.Row < _job.Plan.Y.Count; map.Row++)
            {
                await FinishAsync(map, strips, cancellation).ConfigureAwait(true);
            }
        }
    }

    private void Blend(Map map, ScoreBatch batch, int position)
    {
        using var measure = _run.Clocks.Blend.Measure();
        if (!map.Target.IsActivated)
        {
            map.Target.Activation.Apply(batch.ScoresOf(position));
        }

        map.Assembler.Add(batch.Tiles.Windows[position], map.Target.Arranged(batch.ScoresOf(position)), batch.Tiles.Valid(position));
    }

    private async Task FinishAsync(Map map, ChannelWriter<Strip> strips, CancellationToken cancellation)
    {
        var end = map.Assembler.FinishedBy(map.Row);
        if (end <= map.Finished)
        {
            return;
        }

        var strip = new Strip(map, await map.Strips.TakeAsync(cancellation).ConfigureAwait(true), map.Finished, (end - map.Finished) * map.Assembler.RowBytes);
        using (_run.Clocks.Blend.Measure())
        {
            map.Assembler.Finish(map.Finished, strip.Buffer.AsSpan(0, strip.Length));
        }

        map.Finished = end;
        await strips.WriteAsync(strip, cancellation).ConfigureAwait(true);
    }

    private async Task WriteAllAsync(ChannelReader<Strip> strips, CancellationToken cancellation)
    {
        while (await strips.WaitToReadAsync(cancellation).ConfigureAwait(true))
        {
            while (strips.TryRead(out var strip))
            {
                using (_run.Clocks.Write.Measure())
                {
                    var rows = strip.Buffer.AsSpan(0, strip.Length);
                    strip.Map.Target.Statistics.Add(strip.First, _panel.MapWidth, rows);
                    strip.Map.Target.Sink.Write(strip.First, _panel.MapX, _panel.MapWidth, rows);
                }

                strip.Map.Strips.Return(strip.Buffer);
            }
        }
    }

    /// <summary>A map's rows in this panel.</summary>
    private sealed class Map
    {
        public Map(MapTarget target, Panel panel)
        {
            (Target, Finished) = (target, target.FirstMissingRow(panel));
            Assembler = target.NewAssembler(panel, Finished);
            Row = FirstTileRow = Assembler.FirstTileRow(Finished);
            Strips = new Pool<byte[]>(Enumerable.Range(0, StripBuffers).Select(_ => new byte[checked(Assembler.MostRows * Assembler.RowBytes)]));
        }

        public MapTarget Target { get; }

        public RowAssembler Assembler { get; }

        public Pool<byte[]> Strips { get; }

        public int FirstTileRow { get; }

        /// <summary>The row of tiles that is being blended.</summary>
        public int Row { get; set; }

        /// <summary>The map row behind the last that is finished.</summary>
        public int Finished { get; set; }

        public long Bytes => Assembler.Bytes + Strips.Items.Sum(strip => strip.LongLength);
    }

    private readonly record struct Strip(Map Map, byte[] Buffer, int First, int Length);
}
