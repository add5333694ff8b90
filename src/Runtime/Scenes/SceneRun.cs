using System.Diagnostics;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// A run over a scene: the panels one after the other, and what they share — buffers, clocks, counts. One or more maps are made
/// from what is read once.
/// </summary>
internal sealed class SceneRun : IDisposable
{
    private readonly IReadOnlyList<Panel> _panels;
    private readonly PendingInputCheck _check;
    private readonly IProgress<SceneProgress>? _progress;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly EnergyMeter _energy;
    private readonly ProcessReads? _reads = ProcessReads.Now();
    private readonly NetworkUse _network;
    private readonly long _tileCount;
    private long _tilesPassed;
    private long _tilesRun;
    private long _hidden;
    private long _panelBytes;

    public SceneRun(IReadOnlyList<MapTarget> targets, IReadOnlyList<Panel> panels, SourceDamage damage, PendingInputCheck check, IProgress<SceneProgress>? progress)
    {
        _energy = new EnergyMeter(targets[0].Job.Model.Model.Device);
        (Targets, Job, _panels, Damage, _check, _progress) = (targets, targets[0].Job, panels, damage, check, progress);
        _network = Job.Options.Opening?.Network ?? NetworkUse.Now();
        var (model, plan) = (Job.Model, Job.Plan);
        Rows = SlabRows.Of(Job);
        Samples = new ChannelSamples(Job.Bands.Count);
        // One batch is being cut, one is in the model, the others wait.
        Images = new Pool<ImageBatch>(Enumerable.Range(0, Job.Options.Prefetch + 2).Select(i => new ImageBatch(i, model.Batch, model.ImageLength, model.Tile)));
        _tileCount = panels.Sum(panel => (long)(panel.EndTile - panel.FirstTile) * plan.Y.Count);
    }

    public IReadOnlyList<MapTarget> Targets { get; }

    /// <summary>The job of the first map: how the scene is read and cut.</summary>
    public SceneJob Job { get; }

    public SlabRows Rows { get; }

    public Pool<ImageBatch> Images { get; }

    public ChannelSamples Samples { get; }

    public SourceDamage Damage { get; }

    /// <summary>Scores maps with an encoder that runs once; null when each runs the whole model.</summary>
    public SharedScores? Shared { get; private set; }

    public StageClocks Clocks { get; } = new();

    /// <summary>Tiles without a pixel to map.</summary>
    public long Empty { get; set; }

    /// <summary>Makes all rows that are missing.</summary>
    public async Task StreamAsync(CancellationToken cancellation)
    {
        using var threads = new StageThreads(PanelRun.Stages);
        using var shared = SharedScores.For(Targets);
        Shared = shared;
        foreach (var panel in _panels)
        {
            CountStoredRows(panel, cancellation);
            if (Targets.All(target => target.FirstMissingRow(panel) == target.EndRow))
            {
                Skip((long)(panel.EndTile - panel.FirstTile) * Job.Plan.Y.Count);
                continue;
            }

            using var run = new PanelRun(this, panel);
            _panelBytes = Math.Max(_panelBytes, run.Bytes);
            await run.StreamAsync(threads, cancellation).ConfigureAwait(false);
            _hidden += run.Hidden;
        }
    }

    /// <summary>Gives the memory of the batches back.</summary>
    public void Dispose()
    {
        _energy.Dispose();
        Images.Dispose();
        foreach (var batch in Images.Items)
        {
            batch.Release();
        }
    }

    /// <summary>Tiles have gone through the model.</summary>
    public void Done(int tiles)
    {
        _tilesRun += tiles;
        Skip(tiles);
    }

    /// <summary>Tiles are done without the model: empty, or made by an earlier run.</summary>
    public void Skip(long tiles) => Interlocked.Add(ref _tilesPassed, tiles);

    /// <summary>Tells how far the run is.</summary>
    public void Report()
    {
        ReportFindings();
        var plan = Job.Plan;
        var seconds = Math.Max(1e-3, Stopwatch.GetElapsedTime(_start).TotalSeconds);
        _progress?.Report(new SceneProgress("mapping", Math.Min(_tileCount, Interlocked.Read(ref _tilesPassed)), _tileCount, (double)Interlocked.Read(ref _tilesRun) * (plan.Tile.Width - plan.Overlap.Width) * (plan.Tile.Height - plan.Overlap.Height) / seconds));
    }

    /// <summary>Tells what the comparison with the model's statistics has found, as soon as it is known.</summary>
    public void ReportFindings()
    {
        if (_check.News() is { } news)
        {
            _progress?.Report(new SceneProgress("warning", 0, Job.Plan.Count, 0, news));
        }
    }

    /// <summary>What was done for one of the maps; the file is still to be made.</summary>
    public SceneReport ReportOf(MapTarget target, MemoryPlan memory)
    {
        var (job, plan, model) = (target.Job, Job.Plan, target.Job.Model);
        var (size, samples, upsampled) = (job.Profile.Size, Samples.Moments, (long)model.Upsampling * model.Upsampling);
        var total = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        var pixels = (long)size.Width * size.Height;
        if (target.Encoder.Undefined > 0)
        {
            job.Warnings.Add($"The model said NaN for {target.Encoder.Undefined} valid pixels; they are nodata in the map.");
        }

        if (target.Encoder.Clipped > 0)
        {
            job.Warnings.Add($"{target.Encoder.Clipped} of {(pixels - target.ResumedRows * (long)size.Width) * model.Classes} numbers lay outside of the range that is stored and were cut to it. Store them with --type float16 or float32.");
        }

        if (Shared?.Refused.Contains(target) == true)
        {
            job.Warnings.Add("The encoder was run for this map alone: in two parts, the model's answer differs in the last bits.");
        }

        if (target.BatchLimit < model.Batch)
        {
            job.Warnings.Add($"The device had no memory for {model.Batch} tiles a call; {target.BatchLimit} were taken. Choose with --batch.");
        }

        return new SceneReport
        {
            Map = job.Path,
            Source = job.Options.Opening?.Source ?? job.Scene.Path,
            Command = job.Options.Command,
            Notes = [.. model.Model.Notes, .. job.Smoothing, .. OtherMaps(model, job.Options), .. job.Options.Opening?.Notes ?? []],
            Model = model.Model.Path,
            Adapter = job.Options.Adapter?.Path,
            Content = job.Content,
            Plan = PlanReport.Of(size, plan, job.Blend, target.BatchLimit, Empty, target.ResumedRows, _panels.Count),
            Channels = [.. job.Bands.Select((band, i) => new ChannelReport(
                band.Channel, band.Source.Index, band.Source.Name, band.MatchedBy, job.Scalings[i].Scale, job.Scalings[i].Offset, samples[i].Mean, samples[i].StandardDeviation))],
            Pixels = new PixelReport(pixels, target.Statistics.Predicted, pixels - target.Statistics.Predicted, _hidden * upsampled, Damage.Pixels * upsampled, SquareKilometres(target.Statistics.SquareMetres)),
            Seconds = new StageSeconds(Clocks.Read.Seconds, Clocks.Prepare.Seconds, Clocks.Model.Seconds, Clocks.Blend.Seconds, Clocks.Write.Seconds, 0, total) { Open = job.Options.Opening?.Seconds ?? 0, Starved = Waits(clock => clock.Starved), Blocked = Waits(clock => clock.Blocked) },
            Rate = new RateReport(_tilesRun / total, (double)plan.Scene.Width * (plan.Scene.Height - Math.Min(plan.Scene.Height, target.ResumedRows * plan.Y.Cell / model.Upsampling)) / total, Clocks.Model.Seconds / total),
            Memory = MemoryReport.Now(BufferBytes, memory) with { DeviceBytes = NvidiaManagement.Find(model.Model.Device)?.UsedBytes() },
            Classes = job.Content != MapContent.Class ? [] : [.. job.Legend!.Classes.Select(item =>
                new ClassReport(item.Id, item.Name, target.Statistics.Of(item.Id).Pixels, SquareKilometres(target.Statistics.Of(item.Id).SquareMetres), target.Statistics.SurenessOf(item.Id) * ClassEncoder.ConfidenceScale))],
            Values = job.Content != MapContent.Value ? [] : [.. target.Statistics.Spreads.Select((spread, band) => ValueReport.Of(job.Profile, band, spread))],
            Place = PlaceReport.Of(job.Profile),
            Io = ReadsSince(_reads, _network, Damage.SourceBytes),
            Energy = EnergyReport.Of(_energy, job.Options.GramsPerKilowattHour),
            Embedding = model.Layout is null ? null : new EmbeddingReport(model.Output, job.Options.WantedEmbedding!.Pool, job.Options.WantedEmbedding.Storage, model.Classes, plan.X.Cell) { CellHeight = plan.Y.Cell == plan.X.Cell ? null : plan.Y.Cell },
            Warnings = [.. job.Warnings, .. Damage.Warnings, .. UnusualChannels(samples)],
        };
    }

    private StageWaits Waits(Func<StageClock, double> seconds) => new(seconds(Clocks.Read), seconds(Clocks.Prepare), seconds(Clocks.Model), seconds(Clocks.Blend), seconds(Clocks.Write));

    private static IEnumerable<string> OtherMaps(SceneModel model, SceneOptions options) => options.Output is not null || model.Model.MapOutputs.Count < 2 ? []
        : [$"{model.Model.Path} makes {model.Model.MapOutputs.Count} maps ({string.Join(", ", model.Model.MapOutputs)}); this is {model.Output}. Choose another with --output, or take all with {SceneOutput.OutputPlaceholder} in the name of the map."];

    private long BufferBytes => _panelBytes + Targets.Sum(target => target.Bytes) + Images.Items.Sum(batch => (long)batch.Images.Length * sizeof(float));

    private void CountStoredRows(Panel panel, CancellationToken cancellation)
    {
        foreach (var target in Targets)
        {
            var (first, stored) = (target.Sink.FirstRow, target.FirstMissingRow(panel));
            var rowBytes = panel.MapWidth * target.Job.Profile.BandCount * Raster.RasterTypes.SizeInBytes(target.Job.Profile.Type);
            var buffer = stored == first ? [] : new byte[rowBytes * Math.Min(stored - first, 256)];
            for (var row = first; row < stored; row += buffer.Length / rowBytes)
            {
                cancellation.ThrowIfCancellationRequested();
                var rows = buffer.AsSpan(0, Math.Min(buffer.Length / rowBytes, stored - row) * rowBytes);
                target.Sink.Read(row, panel.MapX, panel.MapWidth, rows);
                target.Statistics.Add(row, panel.MapWidth, rows);
            }
        }
    }

    private IEnumerable<string> UnusualChannels(IReadOnlyList<(double Mean, double StandardDeviation)> samples) => Job.Bands.Index()
        .Where(band => Math.Abs(samples[band.Index].Mean) > 3 && Job.Model.Manifest.Bands.Count > 0)
        .Select(band => FormattableString.Invariant(
            $"Channel {band.Item.Channel} has the mean {samples[band.Index].Mean:F1} after standardisation (expected about 0). Check the scale and offset of the values (--scale, --offset) and the order of the bands (--bands)."));

    private static ReadReport ReadsSince(ProcessReads? start, NetworkUse network, long sourceBytes)
    {
        var (reads, asked) = (ProcessReads.Now(), NetworkUse.Now().Since(network));
        return new ReadReport(reads?.Bytes - start?.Bytes, sourceBytes) { Calls = reads?.Calls - start?.Calls, Requests = asked.Requests, DownloadedBytes = asked.DownloadedBytes };
    }

    private static double? SquareKilometres(double squareMetres) => double.IsNaN(squareMetres) ? null : squareMetres / 1e6;
}
