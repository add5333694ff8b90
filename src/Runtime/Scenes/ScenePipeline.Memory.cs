using System.Diagnostics;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <content>Maps that stay in memory: the same stages, no file.</content>
public sealed partial class ScenePipeline
{
    /// <summary>Maps a scene into memory.</summary>
    /// <param name="scene">The scene, a file or the dataset of a <see cref="MemoryRaster"/>; borrowed.</param>
    /// <param name="options">How; null takes everything from the model's manifest. Nothing is written, so <see cref="SceneOptions.Restart"/> and <see cref="SceneOptions.Overwrite"/> have no meaning.</param>
    /// <param name="progress">Told about every batch, from a thread of the pipeline.</param>
    /// <param name="cancellation">Ends the run within a batch.</param>
    /// <returns>The map; pixel for pixel what <see cref="RunAsync(RasterDataset, string, SceneOptions?, IProgress{SceneProgress}?, CancellationToken)"/> writes.</returns>
    /// <exception cref="RasterException">The scene cannot be read or does not fit the model, or the map does not fit into an array.</exception>
    /// <exception cref="ModelException">The model cannot be run or gives no score for each pixel.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    public async Task<SceneMap> MapAsync(RasterDataset scene, SceneOptions? options = null, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        var start = Stopwatch.GetTimestamp();
        return await Task.Run(async () =>
        {
            cancellation.ThrowIfCancellationRequested();
            var job = SceneJob.Create(model, scene, "", options ?? new SceneOptions(), cancellation);
            Refuse(job, cancellation);
            using var sink = new MemorySink(job.Profile, job.WorkProfile.Size);
            var streamed = (await StreamAsync([job], [sink], progress, cancellation).ConfigureAwait(false))[0];
            sink.Complete(cancellation);
            return new SceneMap(job.Profile, sink.Pixels, streamed.Finished(0, Stopwatch.GetElapsedTime(start).TotalSeconds));
        }, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Maps pixels that the program already holds; nothing is copied on the way in.</summary>
    /// <param name="pixels">[band, row, column], row-major; must not change during the run. Stays the caller's.</param>
    /// <param name="profile">Grid, type, nodata value and names of the bands.</param>
    /// <param name="options">How; null takes everything from the model's manifest.</param>
    /// <param name="progress">Told about every batch, from a thread of the pipeline.</param>
    /// <param name="cancellation">Ends the run within a batch.</param>
    /// <returns>The map.</returns>
    /// <exception cref="RasterException">The pixels do not fit the model, or the map does not fit into an array.</exception>
    /// <exception cref="ModelException">The model cannot be run or gives no score for each pixel.</exception>
    /// <exception cref="ArgumentException">The array does not fit the profile, or options contradict each other.</exception>
    public async Task<SceneMap> MapAsync<T>(
        ReadOnlyMemory<T> pixels, RasterProfile profile, SceneOptions? options = null, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default) where T : unmanaged
    {
        using var scene = MemoryRaster.From(pixels, profile);
        return await MapAsync(scene.Dataset, options, progress, cancellation).ConfigureAwait(false);
    }
}
