using System.Diagnostics;
using EoOnnx.Raster;
using Polly;
using Polly.Retry;

namespace EoOnnx.Runtime;

/// <summary>One map by several processes.</summary>
public sealed partial class ScenePipeline
{
    private const int CopiedBytes = 16 << 20;

    // Whoever has completed a part closes it right afterwards.
    private static readonly ResiliencePipeline Closing = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
    {
        ShouldHandle = new PredicateBuilder().Handle<MapInUseException>(), MaxRetryAttempts = 300, BackoffType = DelayBackoffType.Constant, Delay = TimeSpan.FromMilliseconds(200),
    }).Build();

    /// <summary>
    /// Makes the rows of a map that fall to one of several processes, which may run at the same time and on machines that share the folder of the map.
    /// Whoever completes the last part puts all together; the map is that of a single run, byte for byte. A part whose process was killed is continued by
    /// the same call, from any process.
    /// </summary>
    /// <param name="scene">The scene, the same for all parts; borrowed.</param>
    /// <param name="output">The map, the same for all parts.</param>
    /// <param name="part">Which part: rows of tiles are shared out evenly.</param>
    /// <param name="options">How, the same for all parts but for what does not change the map, such as memory.</param>
    /// <param name="progress">Told about every batch, from a thread of the pipeline.</param>
    /// <param name="cancellation">Ends the run; what is stored stays.</param>
    /// <returns>What was done, with the report of the map when this call has completed it.</returns>
    /// <exception cref="MapInUseException">Another process makes this part, or the map has just been made.</exception>
    /// <exception cref="RasterException">What is stored is of another job, the scene cannot be read or does not fit the model, or the map cannot be written.</exception>
    /// <exception cref="ModelException">The model cannot be run or gives no score for each pixel.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    public async Task<ScenePartReport> RunPartAsync(
        RasterDataset scene, string output, Shard part, SceneOptions? options = null, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentException.ThrowIfNullOrEmpty(output);
        options ??= new SceneOptions();
        if (options.Overwrite)
        {
            throw new ArgumentException("A map in parts does not replace one that exists, because each part would. Remove that map first, and leave out --overwrite (SceneOptions.Overwrite).", nameof(options));
        }

        if (SceneJob.IsVectorName(output))
        {
            throw new ArgumentException($"{output} is not made in parts: the map itself is the mark that they are together. Write a .tif, with --vector for its polygons (SceneOptions.Companions).", nameof(output));
        }

        var start = Stopwatch.GetTimestamp();
        if (await FindFinishedAsync(scene, output, options, cancellation).ConfigureAwait(false) is { } found)
        {
            MapPart.Discard(output);
            return new ScenePartReport(output, part.Number, part.Count, 0, 0, 0, [], Stopwatch.GetElapsedTime(start).TotalSeconds, found.Report);
        }

        return await Task.Run(async () =>
        {
            cancellation.ThrowIfCancellationRequested();
            var job = Jobs(scene, [new SceneOutput(output, options.Adapter)], options, cancellation)[0];
            Refuse(job, cancellation);
            var rows = RowsOf(job, part.Number, part.Count);
            var resumed = await MakePartAsync(job, rows, progress, cancellation).ConfigureAwait(false);
            var missing = MapPart.Missing(job.Path, part.Count);
            if (File.Exists(job.Path))
            {
                missing = []; // another process has put them together meanwhile, and removed them
                MapPart.Discard(job.Path);
            }

            var report = missing.Count > 0 ? null : await JoinAsync(job, part.Count, start, progress, cancellation).ConfigureAwait(false);
            return new ScenePartReport(job.Path, part.Number, part.Count, rows.First, rows.End, resumed, missing, Stopwatch.GetElapsedTime(start).TotalSeconds, report);
        }, CancellationToken.None).ConfigureAwait(false);
    }

    private static async Task<int> MakePartAsync(SceneJob job, MapPartRows rows, IProgress<SceneProgress>? progress, CancellationToken cancellation)
    {
        using var sink = MapPart.Open(job.Path, job.WorkProfile, job.WorkIdentity, rows, job.Options.Restart);
        var stored = sink.FirstMissingRow - rows.First;
        if (sink.FirstMissingColumn < job.WorkProfile.Size.Width)
        {
            sink.Warnings = (await StreamAsync([job], [sink], progress, cancellation).ConfigureAwait(false))[0].Warnings;
            sink.Complete(cancellation);
        }
        else if (MapPart.Missing(job.Path, rows.Count).Contains(rows.Number))
        {
            sink.Complete(cancellation); // an earlier run was killed between its last row and the mark
        }

        return stored;
    }

    // Two processes may find all parts complete: the lock of the map admits one, and the map that it makes turns away whoever comes later.
    private static async Task<SceneReport?> JoinAsync(SceneJob job, int count, long start, IProgress<SceneProgress>? progress, CancellationToken cancellation)
    {
        CogSink sink;
        try
        {
            sink = CogSink.Open(job.Path, job.Profile, job.WorkIdentity, restart: false, overwrite: false, job.Median > 1 ? job.WorkProfile.Size : null);
        }
        catch (MapInUseException)
        {
            return null;
        }

        using (sink)
        {
            var parts = new List<MapPart>();
            try
            {
                for (var number = 1; number <= count; number++)
                {
                    var rows = RowsOf(job, number, count);
                    var part = Closing.Execute(_ => MapPart.Open(job.Path, job.WorkProfile, job.WorkIdentity, rows), cancellation);
                    parts.Add(part);
                    if (part.FirstMissingColumn < job.WorkProfile.Size.Width)
                    {
                        throw new RasterException($"Part {number} of {count} of {job.Path} was complete, and is stored up to row {part.FirstMissingRow} of {rows.End} only: its file is damaged. Make it again with --shard-strips {number}/{count}.");
                    }

                    job.Warnings.AddRange(part.StoredWarnings().Except(job.Warnings));
                }

                var streamed = await StreamAsync([job], [sink], progress, cancellation, panels => Copy(job, parts, sink, panels, cancellation)).ConfigureAwait(false);
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                var report = Finish(job, sink, streamed[0], start, progress, cancellation);
                parts.ForEach(part => part.Dispose());
                MapPart.Discard(job.Path);
                return report;
            }
            finally
            {
                parts.ForEach(part => part.Dispose());
            }
        }
    }

    // Parts may have been made in panels of other widths; a map that was being put together is continued.
    private static void Copy(SceneJob job, List<MapPart> parts, CogSink sink, IReadOnlyList<Panel> panels, CancellationToken cancellation)
    {
        var (column, row) = (sink.FirstMissingColumn, sink.FirstMissingRow);
        foreach (var panel in panels.Where(panel => panel.MapX >= column))
        {
            var rowBytes = panel.MapWidth * job.Profile.BandCount * job.Profile.Type.SizeInBytes();
            var buffer = new byte[Math.Max(1, CopiedBytes / rowBytes) * rowBytes];
            for (var first = panel.MapX == column ? row : 0; first < job.WorkProfile.Size.Height;)
            {
                cancellation.ThrowIfCancellationRequested();
                var part = parts.First(part => first < part.EndRow);
                var count = Math.Min(buffer.Length / rowBytes, part.EndRow!.Value - first);
                var bytes = buffer.AsSpan(0, count * rowBytes);
                part.Read(first, panel.MapX, panel.MapWidth, bytes);
                sink.Write(first, panel.MapX, panel.MapWidth, bytes);
                first += count;
            }
        }
    }

    // Parts end where rows of tiles do, so that few tiles are run by two.
    private static MapPartRows RowsOf(SceneJob job, int number, int count)
    {
        return new MapPartRows(number, count, Start(number - 1), Start(number));

        int Start(int part) => (int)((long)job.MapPlan.Y.Count * part / count) is var tileRow and > 0 ? RowAssembler.FinishedBy(job.MapPlan, job.Blend, tileRow - 1) : 0;
    }
}
