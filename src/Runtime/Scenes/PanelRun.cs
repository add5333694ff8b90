using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// One panel of a run: reader → cutter → model → blender → writer, with bounded queues between them. Buffers are allocated once
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
    private readonly int _endTileRow;

    public PanelRun(SceneRun run, Panel panel)
    {
        (_run, _job, _panel) = (run, run.Job, panel);
        var plan = _job.Plan;
        _maps = [.. run.Targets.Where(target => target.FirstMissingRow(panel) < target.EndRow).Select(target => new Map(target, panel))];
        _mapOf = _maps.ToDictionary(map => map.Target);
        (_firstTileRow, _endTileRow) = (_maps.Min(map => map.FirstTileRow), _maps.Max(map => map.EndTileRow));
        _rows = run.Rows;
        _slab = new Slab(panel.ReadWidth, _job.Bands.Count, SlabReader.TypeOf(_job.Bands), _rows, _rows.First(_firstTileRow));
        _cutter = new TileCutter(_slab, plan, panel, _job.Scalings, _job.Model.Frames, _job.Model.Manifest.Fill ?? 0, run.Samples, _job.Answered);
        _reader = new SlabReader(_job, panel, _slab, run.Damage);
    }

    /// <summary>Bytes of the panel's buffers.</summary>
    public long Bytes => _slab.Bytes + _maps.Sum(map => map.Bytes);

    /// <summary>Pixels that masks have hidden.</summary>
    public long Hidden => _reader.Hidden;

    /// <summary>Makes all rows that are missing. When all stages have ended, the failure that came first is thrown.</summary>
    public async Task StreamAsync(StageThreads threads, CancellationToken cancellation)
    {
        _run.Skip((long)_firstTileRow * (_panel.EndTile - _panel.FirstTile));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var tiles = new BoundedQueue<ImageBatch>(_job.Options.Prefetch);
        using var scores = new BoundedQueue<ScoreBatch>(_maps.Sum(map => map.Target.Scores.Items.Count));
        using var strips = new BoundedQueue<Strip>(StripBuffers * _maps.Count);
        ExceptionDispatchInfo? first = null;
        await Task.WhenAll(
            Start(ReadAll),
            Start(token => CutAll(tiles, token)),
            Start(token => ScoreAll(tiles, scores, token)),
            Start(token => BlendAll(scores, strips, token)),
            Start(token => WriteAll(strips, token))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (first?.SourceException is OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        first?.Throw(); // it is why the others have ended

        Task Start(Action<CancellationToken> stage) => threads.Start(() =>
        {
            try
            {
                stage(stop.Token);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref first, ExceptionDispatchInfo.Capture(failure), null);
                stop.Cancel(); // nobody waits for what will not come
                throw;
            }
        });
    }

    public void Dispose()
    {
        _reader.Dispose();
        _slab.Dispose();
        _maps.ForEach(map => map.Dispose());
        _maps.Clear();
        _mapOf.Clear();
    }

    private void ReadAll(CancellationToken cancellation)
    {
        var (first, end) = (_rows.First(_firstTileRow), _rows.End(_endTileRow - 1));
        for (var chunk = (first + _rows.Phase) / _rows.Chunk * _rows.Chunk; chunk - _rows.Phase < end; chunk += _rows.Chunk)
        {
            var (row, below) = (Math.Max(0, chunk - _rows.Phase), Math.Min(_job.Plan.Scene.Height, chunk + _rows.Chunk - _rows.Phase));
            using (_run.Clocks.Read.Block())
            {
                _slab.WaitForRoom(cancellation);
            }

            using (_run.Clocks.Read.Measure())
            {
                _reader.Read(row, below - row, cancellation);
            }

            _slab.Publish();
        }
    }

    private void CutAll(BoundedQueue<ImageBatch> tiles, CancellationToken cancellation)
    {
        var plan = _job.Plan;
        var batch = NextImages(cancellation);
        for (var row = _firstTileRow; row < _endTileRow; row++)
        {
            _slab.Free(_rows.First(row));
            using (_run.Clocks.Prepare.Starve())
            {
                _slab.WaitForRows(_rows.End(row), cancellation);
            }

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
                    Pass(tiles, batch, _run.Clocks.Prepare, cancellation);
                    batch = NextImages(cancellation);
                }
            }
        }

        if (batch.Tiles.Count > 0)
        {
            Pass(tiles, batch, _run.Clocks.Prepare, cancellation);
        }
        else
        {
            _run.Images.Return(batch);
        }

        tiles.Complete();
    }

    private ImageBatch NextImages(CancellationToken cancellation)
    {
        using var measure = _run.Clocks.Prepare.Block();
        var batch = _run.Images.Take(cancellation);
        batch.Tiles.Count = 0;
        return batch;
    }

    private static void Pass<T>(BoundedQueue<T> queue, T item, StageClock clock, CancellationToken cancellation)
    {
        using var measure = clock.Block();
        queue.Add(item, cancellation);
    }

    private static bool Next<T>(BoundedQueue<T> queue, StageClock clock, [MaybeNullWhen(false)] out T item, CancellationToken cancellation)
    {
        using var measure = clock.Starve();
        return queue.TryTake(out item, cancellation);
    }

    private static T Take<T>(Pool<T> pool, StageClock clock, CancellationToken cancellation)
    {
        using var measure = clock.Block();
        return pool.Take(cancellation);
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

    private void ScoreAll(BoundedQueue<ImageBatch> tiles, BoundedQueue<ScoreBatch> scores, CancellationToken cancellation)
    {
        while (Next(tiles, _run.Clocks.Model, out var images, cancellation))
        {
            var lastRow = images.Tiles.Windows[images.Tiles.Count - 1].Row;
            var encoded = _run.Shared is { } shared && Encode(shared, images, lastRow, cancellation) ? shared : null;
            foreach (var map in _maps)
            {
                if (lastRow < map.FirstTileRow)
                {
                    continue; // an earlier run brought this map further than the others
                }

                var target = Take(map.Target.Scores, _run.Clocks.Model, cancellation);
                using (_run.Clocks.Model.Measure())
                {
                    if (encoded?.TryScore(map.Target, images, target, map.Target.Computed(images), cancellation) != true)
                    {
                        map.Target.Score(images, target, cancellation);
                    }
                }

                target.Tiles.CopyFrom(images.Tiles, _job.MapPlan);
                Pass(scores, target, _run.Clocks.Model, cancellation);
            }

            _run.Done(images.Tiles.Count);
            _run.Images.Return(images);
        }

        scores.Complete();
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

    private void BlendAll(BoundedQueue<ScoreBatch> scores, BoundedQueue<Strip> strips, CancellationToken cancellation)
    {
        while (Next(scores, _run.Clocks.Blend, out var batch, cancellation))
        {
            var map = _mapOf[batch.Target!];
            for (var i = 0; i < batch.Tiles.Count; i++)
            {
                for (; map.Row < batch.Tiles.Windows[i].Row; map.Row++)
                {
                    Finish(map, strips, cancellation);
                }

                if (batch.Tiles.Windows[i].Row >= map.FirstTileRow)
                {
                    Blend(map, batch, i);
                }
            }

            batch.Target!.Scores.Return(batch);
            _run.Report();
        }

        foreach (var map in _maps)
        {
            for (; map.Row < map.EndTileRow; map.Row++)
            {
                Finish(map, strips, cancellation);
            }
        }

        strips.Complete();
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

    private void Finish(Map map, BoundedQueue<Strip> strips, CancellationToken cancellation)
    {
        var end = Math.Min(map.Assembler.FinishedBy(map.Row), map.Target.EndRow);
        if (end <= map.Finished)
        {
            return;
        }

        var strip = new Strip(map, Take(map.Strips, _run.Clocks.Blend, cancellation), map.Finished, (end - map.Finished) * map.Assembler.RowBytes);
        using (_run.Clocks.Blend.Measure())
        {
            map.Assembler.Finish(map.Finished, strip.Buffer.AsSpan(0, strip.Length));
        }

        map.Finished = end;
        Pass(strips, strip, _run.Clocks.Blend, cancellation);
    }

    private void WriteAll(BoundedQueue<Strip> strips, CancellationToken cancellation)
    {
        while (Next(strips, _run.Clocks.Write, out var strip, cancellation))
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

    /// <summary>A map's rows in this panel.</summary>
    private sealed class Map : IDisposable
    {
        public Map(MapTarget target, Panel panel)
        {
            (Target, Finished) = (target, target.FirstMissingRow(panel));
            Assembler = target.NewAssembler(panel, Finished);
            Row = FirstTileRow = Assembler.FirstTileRow(Finished);
            EndTileRow = Enumerable.Range(0, target.Job.Plan.Y.Count).First(row => Assembler.FinishedBy(row) >= target.EndRow) + 1;
            Strips = new Pool<byte[]>(Enumerable.Range(0, StripBuffers).Select(_ => new byte[checked(Assembler.MostRows * Assembler.RowBytes)]));
        }

        public MapTarget Target { get; }

        public RowAssembler Assembler { get; }

        public Pool<byte[]> Strips { get; }

        public int FirstTileRow { get; }

        /// <summary>The row of tiles behind the last that adds to what is made.</summary>
        public int EndTileRow { get; }

        /// <summary>The row of tiles that is being blended.</summary>
        public int Row { get; set; }

        /// <summary>The map row behind the last that is finished.</summary>
        public int Finished { get; set; }

        public void Dispose() => Strips.Dispose();

        public long Bytes => Assembler.Bytes + Strips.Items.Sum(strip => strip.LongLength);
    }

    private readonly record struct Strip(Map Map, byte[] Buffer, int First, int Length);
}
