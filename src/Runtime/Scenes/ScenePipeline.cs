using System.Diagnostics;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// Streams scenes of any size through a model and writes maps. Reading, cutting, the model, blending and writing overlap; memory
/// follows the width of the scene and the tiles in flight, not its height. Borrows the model; several runs at a time are possible.
/// </summary>
/// <param name="model">The model; must outlive every run.</param>
public sealed partial class ScenePipeline(EoModel model)
{
    /// <summary>Maps a scene.</summary>
    /// <param name="scene">The scene; borrowed.</param>
    /// <param name="output">The map, a cloud-optimised GeoTIFF on the scene's grid, or a GeoPackage (<c>.gpkg</c>) with the classes as polygons. It appears when it is complete; beside it
    /// <c>MAP.report.json</c>. An unfinished run leaves the work area <c>MAP.tif.eoonnx/</c>, which the next run continues.</param>
    /// <param name="options">How; null takes everything from the model's manifest.</param>
    /// <param name="progress">Told about every batch, from a thread of the pipeline.</param>
    /// <param name="cancellation">Ends the run within a batch; the work area stays.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="RasterException">The scene cannot be read or does not fit the model, or the map cannot be written.</exception>
    /// <exception cref="ModelException">The model cannot be run or gives no score for each pixel.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    public async Task<SceneReport> RunAsync(
        RasterDataset scene, string output, SceneOptions? options = null, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(output);
        options ??= new SceneOptions();
        return (await RunAsync(scene, [new SceneOutput(output, options.Adapter)], options, progress, cancellation).ConfigureAwait(false))[0];
    }

    /// <summary>Makes several maps of a scene that is read, decoded and cut once: one with each adapter.</summary>
    /// <param name="scene">The scene; borrowed.</param>
    /// <param name="maps">The maps, each with its adapter. Every map is the one that a run of its own would make.</param>
    /// <param name="options">How; <see cref="SceneOptions.Adapter"/> is not used.</param>
    /// <param name="progress">Told about every batch, from a thread of the pipeline.</param>
    /// <param name="cancellation">Ends the run within a batch; the work areas stay.</param>
    /// <returns>What was done, map by map.</returns>
    /// <exception cref="RasterException">The scene cannot be read or does not fit the model, or a map cannot be written.</exception>
    /// <exception cref="ModelException">The model cannot be run or gives no score for each pixel, or adapters want the scene prepared differently.</exception>
    /// <exception cref="ArgumentException">Options contradict each other, or no map is asked for.</exception>
    public async Task<IReadOnlyList<SceneReport>> RunAsync(
        RasterDataset scene, IReadOnlyList<SceneOutput> maps, SceneOptions options, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentOutOfRangeException.ThrowIfZero(maps.Count);
        var start = Stopwatch.GetTimestamp();
        // Everything before the stages computes too: the caller's thread is not held.
        return await Task.Run(async () =>
        {
            cancellation.ThrowIfCancellationRequested();
            var jobs = Jobs(scene, maps, options, cancellation);
            Refuse(jobs[0], cancellation);
            var sinks = new List<CogSink>();
            try
            {
                foreach (var job in jobs)
                {
                    sinks.Add(UnfinishedReport.Forget(CogSink.Open(job.Path, job.Profile, job.WorkIdentity, job.Options.Restart, job.Options.Overwrite, job.Median > 1 ? job.WorkProfile.Size : null)));
                }

                // Making the file takes memory, too: the buffers of the stream go back to the system first.
                var streamed = await StreamAsync(jobs, [.. sinks], progress, cancellation).ConfigureAwait(false);
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                return jobs.Select((job, i) => Finish(job, sinks[i], streamed[i], start, progress, cancellation)).ToList();
            }
            finally
            {
                sinks.ForEach(sink => sink.Dispose());
            }
        }, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Looks whether a map exists that this very job has made: the same scene, model, adapter and options.</summary>
    /// <param name="scene">The scene; borrowed.</param>
    /// <param name="output">The map.</param>
    /// <param name="options">As for a run.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <returns>The finished map, or null when there is none or another job made it.</returns>
    /// <exception cref="EoOnnxException">The scene does not fit the model.</exception>
    public async Task<FinishedMap?> FindFinishedAsync(RasterDataset scene, string output, SceneOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentException.ThrowIfNullOrEmpty(output);
        return !File.Exists(output) || SceneJob.IsVectorName(output) ? null : await Task.Run(() =>
        {
            var job = SceneJob.Create(model, scene, output, (options ?? new SceneOptions()) with { Overwrite = true }, cancellation);
            using var map = RasterDataset.Open(output);
            return map.FindMetadata(Provenance.JobTag) != Provenance.JobDigest(job.Identity) ? null
                : job.Companions.Files.Any(file => !File.Exists(file)) ? null : new FinishedMap(output, map.Size, File.Exists(ReportPath(output)) ? SceneReport.Load(ReportPath(output)) : null);
        }, cancellation).ConfigureAwait(false);
    }

    /// <summary>Maps a scene that was opened for this model.</summary>
    /// <param name="scene">The scene with its options; borrowed.</param>
    /// <param name="output">The map, see the other overload.</param>
    /// <param name="progress">Told about every batch, from a thread of the pipeline.</param>
    /// <param name="cancellation">Ends the run within a batch; the work area stays.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="RasterException">The scene cannot be read, or the map cannot be written.</exception>
    /// <exception cref="ModelException">The model cannot be run or gives no score for each pixel.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    public Task<SceneReport> RunAsync(Scene scene, string output, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        return RunAsync(scene.Dataset, output, scene.Options, progress, cancellation);
    }

    /// <summary>What a run would need and decide, without reading the scene or writing anything. The model is run to measure its memory.</summary>
    /// <param name="scene">The scene; borrowed.</param>
    /// <param name="maps">The maps, each with its adapter.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <exception cref="RasterException">The scene does not fit the model.</exception>
    /// <exception cref="ModelException">The model cannot be run, or the memory does not suffice.</exception>
    public ScenePlan Plan(RasterDataset scene, IReadOnlyList<SceneOutput> maps, SceneOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        var jobs = Jobs(scene, maps, options, cancellation);
        Refuse(jobs[0], cancellation);
        jobs[0].Warnings.AddRange(options.InputCheck == InputCheck.Warn ? InputGuard.Examine(jobs[0], cancellation) : []);
        var rates = BatchProbe.Choose(jobs, cancellation);
        var memory = MemoryPlan.Of(jobs, ModelArena.PerTile(jobs[0].Model, jobs[0].Options, cancellation), panelWidth: null).Plan with { Rates = rates };
        var (plan, size, calls) = (jobs[0].Plan, jobs[0].Profile.Size, SceneJob.CallsOf(options.Augmentation));
        return new ScenePlan(size.Width, size.Height, plan.Tile.Width, plan.Overlap.Width, plan.Count, plan.Count * calls * maps.Count, jobs.Sum(job => CogSink.DiskBytes(job.WorkProfile, job.Median > 1)),
            memory, [.. jobs.SelectMany(job => job.Warnings).Distinct()])
        {
            TileHeight = plan.Tile.Height == plan.Tile.Width ? null : plan.Tile.Height,
            OverlapHeight = plan.Overlap.Height == plan.Overlap.Width ? null : plan.Overlap.Height,
        };
    }

    private List<SceneJob> Jobs(RasterDataset scene, IReadOnlyList<SceneOutput> maps, SceneOptions options, CancellationToken cancellation)
    {
        var jobs = maps.Select(map => SceneJob.Create(model, scene, map.Path, options with { Adapter = map.Adapter, Output = map.Output ?? options.Output }, cancellation)).ToList();
        if (jobs.Select(job => Path.GetFullPath(job.Path)).Distinct().Count() != jobs.Count)
        {
            throw new ArgumentException("Two maps have the same name; give each its own.", nameof(maps));
        }

        if (jobs.SelectMany(job => job.Companions.Files).Select(Path.GetFullPath).GroupBy(file => file).FirstOrDefault(files => files.Count() > 1) is { } shared && jobs[0].Path.Length > 0)
        {
            throw new ArgumentException($"{shared.Key} would be made for several maps; tell them apart with {SceneOutput.Placeholder} in its name.", nameof(maps));
        }

        var first = jobs[0];
        foreach (var job in jobs.Where(job => !job.ReadsLike(first)))
        {
            throw new ModelException($"{Subject(job)} wants the scene prepared differently than {Subject(first)} (tile, overlap, blending, size of the output, bands or their statistics). Make each map in a run of its own.");
        }

        return jobs;

        string Subject(SceneJob job) => job.Options.Adapter?.Path ?? (maps.Any(map => map.Output is not null) ? $"The output '{job.Model.Output}' of {model.Path}" : model.Path);
    }

    // What shall stop a run is looked at before it; warnings are found while it begins.
    private static void Refuse(SceneJob job, CancellationToken cancellation)
    {
        if (job.Options.InputCheck == InputCheck.Fail && InputGuard.Examine(job, cancellation) is { Count: > 0 } findings)
        {
            throw new RasterException($"{string.Join(' ', findings)} Run all the same with --input-check warn.");
        }
    }

    private static async Task<IReadOnlyList<SceneReport>> StreamAsync(
        List<SceneJob> jobs, List<IStripSink> sinks, IProgress<SceneProgress>? progress, CancellationToken cancellation, Action<IReadOnlyList<Panel>>? before = null)
    {
        var stored = sinks.Where(sink => sink.PanelWidth is not null).Select(sink => sink.PanelWidth).Distinct().ToList();
        if (stored.Count > 1)
        {
            throw new RasterException($"The unfinished runs of {string.Join(" and ", jobs.Select(job => job.Path))} have streamed the scene in panels of different widths. Finish them one by one, or discard them with --restart.");
        }

        var check = new PendingInputCheck(jobs[0], cancellation);
        await using var ended = check.ConfigureAwait(false);
        var rates = BatchProbe.Choose(jobs, cancellation);
        var (planned, tiles) = MemoryPlan.Of(jobs, ModelArena.PerTile(jobs[0].Model, jobs[0].Options, cancellation), stored.FirstOrDefault());
        var memory = planned with { Rates = rates };
        var (job, calls) = (jobs[0], SceneJob.CallsOf(jobs[0].Options.Augmentation));
        progress?.Report(new SceneProgress("planned", 0, job.Plan.Count, 0,
            $"{job.Plan.Count} tiles{(calls > 1 ? $", each {calls} times through the model ({job.Options.Augmentation})" : "")}{(jobs.Count > 1 ? $", {jobs.Count} maps" : "")}; memory {memory}"));
        if (job.Warnings.Count > 0)
        {
            progress?.Report(new SceneProgress("warning", 0, job.Plan.Count, 0, string.Join(' ', job.Warnings)));
        }

        var panels = Panel.Cut(job, tiles);
        before?.Invoke(panels);
        var targets = new List<MapTarget>();
        try
        {
            for (var i = 0; i < jobs.Count; i++)
            {
                targets.Add(new MapTarget(jobs[i], sinks[i]));
            }

            var damage = new SourceDamage(job);
            using var run = new SceneRun(targets, panels, damage, check, progress);
            try
            {
                await StreamAsync(run, check, cancellation).ConfigureAwait(false);
                job.Warnings.AddRange(await check.FindingsAsync().ConfigureAwait(false));
                run.ReportFindings();
                damage.CheckFiles();
                targets.ForEach(target => target.Smooth(cancellation));
            }
            catch (Exception failure)
            {
                targets.ForEach(target => UnfinishedReport.Leave(target.Sink, () => run.ReportOf(target, memory), failure));
                throw;
            }

            return [.. targets.Select(target => run.ReportOf(target, memory))];
        }
        finally
        {
            targets.ForEach(target => target.Dispose());
        }
    }

    private static async Task StreamAsync(SceneRun run, PendingInputCheck check, CancellationToken cancellation)
    {
        try
        {
            await run.StreamAsync(check.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (check.Token.IsCancellationRequested)
        {
            cancellation.ThrowIfCancellationRequested();
            await check.FindingsAsync().ConfigureAwait(false); // says why it failed
            throw;
        }
    }

    private static SceneReport Finish(SceneJob job, CogSink sink, SceneReport streamed, long start, IProgress<SceneProgress>? progress, CancellationToken cancellation)
    {
        var finish = Stopwatch.GetTimestamp();
        progress?.Report(new SceneProgress("finishing", job.Plan.Count, job.Plan.Count, streamed.Rate.PixelsPerSecond));
        var report = streamed;
        (sink.HiddenBands, sink.KeepsMap, sink.KeepsWork) = (job.HiddenBands, !job.IsVector, job.Options.KeepWork);
        sink.ClassPixels = [.. Enumerable.Range(0, job.Profile.CategoryNames.Count).Select(id => streamed.Classes.FirstOrDefault(item => item.Id == id)?.Pixels ?? 0)];
        try
        {
            cancellation.ThrowIfCancellationRequested();
            sink.Complete(
                map => report = CompanionFiles.Write(
                    job, map, sink.RowsPath, () => streamed.Finished(Stopwatch.GetElapsedTime(finish).TotalSeconds, Stopwatch.GetElapsedTime(start).TotalSeconds), cancellation), cancellation);
        }
        catch (Exception failure)
        {
            UnfinishedReport.Leave(sink, () => report, failure);
            throw;
        }

        return report;
    }

    /// <summary>Where the report of a map for people is written.</summary>
    public static string PagePath(string output) => Path.ChangeExtension(output, ".report.html");

    /// <summary>Where the report of a map is written.</summary>
    public static string ReportPath(string output) => Path.ChangeExtension(output, ".report.json");
}
