using System.Diagnostics;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Maps scenes of a batch so that doing one twice does no harm: a map that the same job has finished is kept. Borrows the model.</summary>
/// <param name="model">The model; must outlive every run.</param>
public sealed class SceneMapper(EoModel model)
{
    private readonly ScenePipeline _pipeline = new(model);

    /// <summary>Maps a scene, continues it, or finds it done.</summary>
    /// <param name="scene">The scene and its map, whose folder is made.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told about every batch of tiles.</param>
    /// <param name="cancellation">Ends the run; what is stored is continued later.</param>
    /// <exception cref="EoOnnxException">The scene cannot be mapped.</exception>
    /// <exception cref="IOException">The map cannot be written.</exception>
    public async Task<SceneOutcome> MapAsync(BatchScene scene, SceneOptions options, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentNullException.ThrowIfNull(options);
        options = scene.Details.Over(options);
        var start = Stopwatch.GetTimestamp();
        Directory.CreateDirectory(Path.GetDirectoryName(scene.Map)!);
        using var opened = Scene.Open(model, scene.Request, options);
        if (await FindAsync().ConfigureAwait(false) is { } finished)
        {
            return finished;
        }

        var existed = File.Exists(scene.Map);
        try
        {
            var report = await _pipeline.RunAsync(opened, scene.Map, progress, cancellation).ConfigureAwait(false);
            return Outcome(scene, SceneStatus.Done, report.Pixels.Total, start, report);
        }
        catch (RasterException) when (!existed && !options.Overwrite && File.Exists(scene.Map))
        {
            // Another run has made the map since it was looked for.
            if (await FindAsync().ConfigureAwait(false) is { } other)
            {
                return other;
            }

            throw;
        }

        async Task<SceneOutcome?> FindAsync() =>
            !options.Overwrite && await _pipeline.FindFinishedAsync(opened.Dataset, scene.Map, opened.Options, cancellation).ConfigureAwait(false) is { } found
            ? Outcome(scene, SceneStatus.Skipped, (long)found.Size.Width * found.Size.Height, start, found.Report) : null;
    }

    private static SceneOutcome Outcome(BatchScene scene, SceneStatus status, long pixels, long start, SceneReport? report) =>
        new(scene.Name, status, scene.Map, pixels, Stopwatch.GetElapsedTime(start).TotalSeconds, report?.Pixels.SquareKilometres, report?.Classes ?? [], null);
}
