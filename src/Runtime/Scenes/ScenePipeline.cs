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
    /// <param name="output">The map, a cloud-optimised GeoTIFF on the scene's grid. It appears when it is complete; beside it
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
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentException.ThrowIfNullOrEmpty(output);
        var start = Stopwatch.GetTimestamp();
        // Everything before the stages computes too: the caller's thread is not held.
        return await Task.Run(async () =>
        {
            cancellation.ThrowIfCancellationRequested();
            var job = SceneJob.Create(model, scene, output, options ?? new SceneOptions(), cancellation);
            using var sink = CogSink.Open(output, job.Profile, job.Identity, job.Options.Restart);
            var streamed = await StreamAsync(job, sink, progress, cancellation).ConfigureAwait(false);
            // Making the file takes memory, too: the buffers of the stream go back to the system first.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            var finish = Stopwatch.GetTimestamp();
            progress?.Report(new SceneProgress("finishing", job.Plan.Count, job.Plan.Count, streamed.Rate.PixelsPerSecond));
            cancellation.ThrowIfCancellationRequested();
            sink.Complete(cancellation);
            var report = streamed.Finished(Stopwatch.GetElapsedTime(finish).TotalSeconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            report.Save(ReportPath(output));
            return report;
        }, CancellationToken.None).ConfigureAwait(false);
    }

    private static async Task<SceneReport> StreamAsync(SceneJob job, IStripSink sink, IProgress<SceneProgress>? progress, CancellationToken cancellation)
    {
        using var run = new SceneRun(job, sink, progress);
        await run.StreamAsync(cancellation).ConfigureAwait(false);
        return run.Report();
    }

    /// <summary>Where the report of a map is written.</summary>
    public static string ReportPath(string output) => Path.ChangeExtension(output, ".report.json");
}
